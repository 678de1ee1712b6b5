"""What a switch does to the stores: migrations, of which only the ledgers are believed, users and retention."""

from __future__ import annotations

import pytest

from gateway.agent import switch as module
from gateway.agent.failure import StepFailed
from gateway.agent.stage import stage
from tests.unit.agent.switch.switched_host import SECRETS, SERVICES
from tests.unit.situations import release


@pytest.fixture
def migrations(host, monkeypatch):
    """Give release 2-c, which migrates; the list holds what the ledgers lack, look by look."""
    made = release(*SERVICES)
    made.manifest["migrations"] = {"clickhouse": {}, "postgres": {}, "allowed_absent": []}
    stage(host.store, "3-c", made.pack("3-c"))
    looks = []
    monkeypatch.setattr(module.stores, "missing_migrations", lambda *_: looks.pop(0))
    monkeypatch.setattr(module.stores, "set_hql_password", host.action("set_hql_password"))
    monkeypatch.setattr(module.gateway_users, "accept", host.action("gateway_users"))
    monkeypatch.setattr(module.compose, "run", lambda arguments, *_: host.done.append(("run", arguments[-1])))
    return looks


def test_migrations_run_between_data_and_app(host, migrations):
    migrations += [{"postgres": ["V1.sql"], "clickhouse": []}, {"postgres": [], "clickhouse": []}]
    host.switch("3-c")
    order = [entry[2][0] if entry[0] == "up" else entry[1] for entry in host.done if entry[0] in ("up", "run")]
    assert order == ["db", "migrations", "jawn", "edge"]


def test_the_edges_users_are_made_after_the_migrations_that_make_what_they_read(host, migrations):
    migrations += [{"postgres": ["V1.sql"], "clickhouse": []}, {"postgres": [], "clickhouse": []}]
    host.switch("3-c")
    done = [entry[0] for entry in host.done if entry[0] in ("run", "gateway_users")]
    assert done == ["run", "gateway_users"]


def test_applied_migrations_are_not_run_again(host, migrations):
    migrations += [{"postgres": [], "clickhouse": []}]
    host.switch("3-c")
    assert ("run", "migrations") not in host.done


def test_a_program_that_fails_is_told_with_what_the_ledgers_lack_and_its_last_words(host, migrations, monkeypatch):
    def fail(*_):
        raise StepFailed("migrate", "migrate ended with code 3", logs=["ERROR: division by zero"])

    monkeypatch.setattr(module.compose, "run", fail)
    migrations += [{"postgres": ["V1.sql", "V2.sql"], "clickhouse": []}, {"postgres": ["V2.sql"], "clickhouse": []}]
    with pytest.raises(
        StepFailed, match=r"code 3; 1 migrations are not in the ledgers, the first is V2\.sql"
    ) as caught:
        host.switch("3-c")
    assert caught.value.logs == ["ERROR: division by zero"]


def test_a_program_that_fails_is_not_believed_because_the_ledgers_are_full(host, migrations, monkeypatch):
    def fail(*_):
        raise StepFailed("migrate", "migrate ended with code 3")

    monkeypatch.setattr(module.compose, "run", fail)
    migrations += [{"postgres": ["V1.sql"], "clickhouse": []}, {"postgres": [], "clickhouse": []}]
    with pytest.raises(StepFailed, match=r"^migrate ended with code 3$"):
        host.switch("3-c")


def test_a_clickhouse_that_refuses_the_retention_does_not_undo_the_deploy(host, migrations, monkeypatch):
    migrations += [{"postgres": [], "clickhouse": []}]
    asked = []

    def refuse(*arguments):
        asked.append(arguments[-1])
        raise StepFailed("clickhouse", "not allowed")

    monkeypatch.setattr(module.retention, "apply", refuse)
    host.switch("3-c")
    assert host.store.current() == "3-c"
    assert asked[0]["PORT"] == "8585"  # the settings of this very release


def test_only_the_ledgers_are_believed(host, migrations):
    """The migration program exits 0 when it fails."""
    lacking = {"postgres": ["V1.sql"], "clickhouse": ["schema_2.sql"]}
    migrations += [lacking, lacking]
    host.store.point_to(None)
    with pytest.raises(StepFailed, match=r"2 migrations are not in the ledgers, the first is V1\.sql"):
        host.switch("3-c")
    assert ("3-c", ["jawn"]) not in host.started()


def test_the_stores_follow_the_release_and_not_the_vault(host, migrations, monkeypatch):
    """A vault that is ahead must not lock out the release that a host goes back to."""
    files = {".env": 'PORT="1"\nCLICKHOUSE_PASSWORD="of the release"\n', "compose.override.yml": ""}
    made = release(*SERVICES, files=files)
    made.manifest["migrations"] = {"clickhouse": {}, "postgres": {}, "allowed_absent": []}
    stage(host.store, "6-f", made.pack("6-f"))
    asked = []
    migrations += [{"postgres": [], "clickhouse": []}]
    monkeypatch.setattr(module.stores, "set_hql_password", lambda *arguments: asked.append(arguments[-1]))
    host.switch("6-f")
    assert asked == [{**SECRETS, "clickhouse": "of the release"}]
