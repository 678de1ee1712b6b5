"""What a host remembers of its backups, and how old it is by its own clock."""

from __future__ import annotations

import pytest

from gateway.agent import backup_log
from gateway.agent.store import Store


@pytest.fixture
def store(tmp_path, monkeypatch):
    made = Store(str(tmp_path / "env"))
    made.create()
    clock = {"now": 1000.0}
    monkeypatch.setattr(backup_log.time, "time", lambda: clock["now"])
    made.clock = clock
    return made


def note(store, kind, identifier, cause="", after=100.0):
    store.clock["now"] += after
    backup_log.note(store, kind, identifier, store.clock["now"] - 5, "ann@desk", cause)


def test_nothing_is_known_before_the_first_backup(store):
    assert backup_log.summary(store) is None


def test_the_last_good_one_counts_and_a_later_failure_is_told(store):
    note(store, "backup", "1")
    note(store, "backup", "2", "the dump is empty")
    note(store, "restore", "1")
    found = backup_log.summary(store)
    assert found["backup"]["set"] == "1"
    assert found["backup"]["age"] == pytest.approx(200)
    assert found["backup"]["seconds"] == 5
    assert found["failed_backup"]["cause"] == "the dump is empty"
    assert found["drill"] is None
    note(store, "backup", "3")
    assert backup_log.summary(store)["failed_backup"] is None


def test_a_set_that_a_drill_found_bad_was_never_good(store):
    note(store, "backup", "1")
    note(store, "backup", "2")
    note(store, "backup", "2", "a drill found it bad")
    note(store, "drill", "2", "one row")
    assert backup_log.summary(store)["backup"]["set"] == "1"


def test_a_full_disk_does_not_hide_the_cause(store, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(store), "append", full)
    note(store, "backup", "1", "the target is full")
