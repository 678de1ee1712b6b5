"""A new `backup_password` gets into force with the first set after it, and no password is guessed."""

from __future__ import annotations

import pytest

from gateway.agent import backup_settings, repository_key, restic
from gateway.agent.failure import StepFailed
from tests.unit.agent.backup_situations import PASSWORD, host


@pytest.fixture
def repository(monkeypatch):
    """Let a repository have one password."""
    held = {"password": PASSWORD}

    def open_repository(settings, create):
        if settings.environment["RESTIC_PASSWORD"] != held["password"]:
            raise restic.WrongPassword("repository", "does not open", kind="configuration")

    def change(settings, fresh):
        open_repository(settings, create=False)
        held["password"] = fresh

    monkeypatch.setattr(restic, "open_repository", open_repository)
    monkeypatch.setattr(restic, "change_password", change)
    return held


def opened(folder, password, **changes):
    store = host(folder, **changes)
    (store.state / "backup").mkdir(exist_ok=True)
    text = (store.current_link / ".env").read_text()
    (store.current_link / ".env").write_text(text.replace(PASSWORD, password))
    repository_key.open_for_a_set(store, backup_settings.load(store))
    return store


def test_the_repository_follows_the_release(tmp_path, repository):
    store = opened(tmp_path / "one", PASSWORD)
    kept = store.state / "backup" / "password"
    assert kept.stat().st_mode & 0o777 == 0o600
    (tmp_path / "two" / "env" / "state" / "backup").mkdir(parents=True)
    (tmp_path / "two" / "env" / "state" / "backup" / "password").write_text(kept.read_text())
    store = opened(tmp_path / "two", "another-password")
    assert repository["password"] == "another-password"
    assert (store.state / "backup" / "password").read_text() == "another-password"


def test_an_old_password_is_seen_refused(tmp_path, repository):
    settings = backup_settings.load(opened(tmp_path, PASSWORD))
    assert repository_key.opens(settings, PASSWORD)
    assert not repository_key.opens(settings, "the one before")


def test_a_repository_of_an_unknown_password_stays_closed(tmp_path, repository):
    repository["password"] = "nobody-knows"
    with pytest.raises(restic.WrongPassword):
        opened(tmp_path, PASSWORD)
    assert repository["password"] == "nobody-knows"


def test_where_a_repository_was_none_is_made_anew(tmp_path, repository):
    """The folder of a disk that is not mounted is there, and empty: sets in it would be gone when it is mounted."""
    sets = tmp_path / "sets"
    sets.mkdir()
    store = opened(tmp_path, PASSWORD, repository=str(sets))
    (sets / "config").touch()
    repository_key.open_for_a_set(store, backup_settings.load(store))
    (sets / "config").unlink()
    with pytest.raises(StepFailed, match="is gone: is its disk mounted") as caught:
        repository_key.open_for_a_set(store, backup_settings.load(store))
    assert caught.value.kind == "configuration"
    (store.state / "backup" / "repository").unlink()
    repository_key.open_for_a_set(store, backup_settings.load(store))


def test_another_address_may_be_a_new_repository(tmp_path, repository):
    store = opened(tmp_path, PASSWORD, repository=str(tmp_path / "one"))
    (store.state / "backup" / "repository").write_text("/elsewhere")
    repository_key.open_for_a_set(store, backup_settings.load(store))
    assert (store.state / "backup" / "repository").read_text() == str(tmp_path / "one")
