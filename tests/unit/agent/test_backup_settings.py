"""What a backup works with, from the release that runs, and what is refused without it."""

from __future__ import annotations

import pytest

from gateway.agent import backup_settings
from gateway.agent.failure import StepFailed
from gateway.agent.store import Store
from tests.unit.agent.backup_situations import PASSWORD, host


def test_the_release_says_it_all(tmp_path):
    settings = backup_settings.load(host(tmp_path))
    assert settings.repository == "/var/backups/trial"
    assert settings.services["db"] == "db:1@sha256:bb"
    assert settings.environment == {"RESTIC_PASSWORD": PASSWORD}
    assert settings.passwords == {"postgres": "pg", "clickhouse": "ch"}
    assert PASSWORD not in repr(settings)


def test_another_repository_brings_its_own_keys(tmp_path):
    elsewhere = {"repository": "s3:https://s/b", "password": "p", "s3_access_key": "a", "s3_secret_key": "s"}
    settings = backup_settings.load(host(tmp_path), elsewhere)
    assert settings.repository == "s3:https://s/b"
    assert settings.environment == {
        "RESTIC_PASSWORD": "p", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"enabled": False}, "backup.enabled is false"), ({"services": ("jawn",)}, "no bundled store runs on this host")],
)
def test_a_host_without_anything_to_back_up_says_why(tmp_path, changes, words):
    with pytest.raises(StepFailed, match=words) as caught:
        backup_settings.load(host(tmp_path, **changes))
    assert caught.value.kind == "configuration"


def test_before_the_first_deploy_there_is_nothing_to_restore_into(tmp_path):
    with pytest.raises(StepFailed, match="deploy one first"):
        backup_settings.load(Store(str(tmp_path / "none")))


def test_a_release_of_before_backups_asks_for_a_deploy(tmp_path):
    store = host(tmp_path)
    (store.current_link / "backup" / "settings.json").unlink()
    with pytest.raises(StepFailed, match="deploy again"):
        backup_settings.load(store)
