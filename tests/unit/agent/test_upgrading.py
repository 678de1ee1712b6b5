"""What the data host notes of an upgrade, and with which passwords the ledgers are asked."""

from __future__ import annotations

import os
import subprocess

import pytest

from gateway.agent import upgrading
from gateway.agent.failure import StepFailed
from tests.unit.agent.backup_situations import MIGRATIONS, host

ENTRY = {
    "set": "7", "made": 1.0, "release": "3-abc", "missing": {"postgres": ["2.sql", "3.sql"], "clickhouse": ["s.sql"]},
    "migrations": MIGRATIONS, "by": "ann@desk",
}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return host(tmp_path)


@pytest.fixture
def asked(monkeypatch):
    passwords = []

    def missing(project, migrations, given):
        passwords.append(given)
        return {"postgres": ["3.sql"], "clickhouse": ["s.sql"]}

    monkeypatch.setattr(upgrading.stores, "missing_migrations", missing)
    return passwords


@pytest.mark.usefixtures("asked")
def test_what_was_applied_since_the_note_is_told_until_the_upgrade_is_over(store):
    assert upgrading.look(store, "p") is None
    upgrading.begin(store, ENTRY)
    seen = upgrading.look(store, "p")
    assert (seen["set"], seen["release"], seen["applied"]) == ("7", "3-abc", ["2.sql"])
    assert (store.state / upgrading.FILE).stat().st_mode & 0o777 == 0o600
    upgrading.end(store)
    upgrading.end(store)
    assert upgrading.look(store, "p") is None


def test_the_note_is_on_the_disk_before_it_gets_its_name(store, monkeypatch):
    """Or a power cut inside an upgrade leaves an empty one, and an old version is started on half a schema."""
    flushed = []
    flush, replace = os.fsync, type(store.root).replace
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (flushed.append(os.fstat(descriptor).st_ino), flush(descriptor))
    )

    def rename(path, target):
        assert path.stat().st_ino in flushed
        return replace(path, target)

    monkeypatch.setattr(type(store.root), "replace", rename)
    upgrading.begin(store, ENTRY)
    assert (store.state / upgrading.FILE).stat().st_ino in flushed


def test_ledgers_that_cannot_be_asked_count_as_changed(store, monkeypatch):
    upgrading.begin(store, ENTRY)

    def broken(*_):
        raise StepFailed("postgres", "no container of db is running")

    monkeypatch.setattr(upgrading.stores, "missing_migrations", broken)
    assert upgrading.look(store, "p")["applied"] == ["2.sql", "3.sql", "s.sql"]


def test_before_there_is_a_set_no_migration_has_begun_whatever_the_ledgers_say(store, monkeypatch):
    """Or a data host that dies during the backup is refused the deploy that brings its stores back."""
    upgrading.begin(store, {**ENTRY, "set": ""})

    def asked(*_):
        raise StepFailed("postgres", "no container of db is running")

    monkeypatch.setattr(upgrading.stores, "missing_migrations", asked)
    seen = upgrading.look(store, "p")
    assert (seen["set"], seen["applied"]) == ("", [])


def test_a_bundled_store_is_asked_with_the_password_of_the_release_that_runs(store, asked):
    given = {"postgres": "new", "clickhouse": "new"}
    upgrading.missing(store, "p", MIGRATIONS, given)
    external = {**MIGRATIONS, "clickhouse": {**MIGRATIONS["clickhouse"], "mode": "external"}}
    upgrading.missing(store, "p", external, given)
    store.point_to(None)
    upgrading.missing(store, "p", MIGRATIONS, given)
    assert asked == [{"postgres": "pg", "clickhouse": "ch"}, {"postgres": "pg", "clickhouse": "new"}, given]


@pytest.fixture
def recorder(monkeypatch):
    """Return what Docker was asked to run; `code` says how that ends."""
    ran, answer = [], {"code": 0, "out": b'{"again": 3, "left_out": 0}'}
    found = [{"Id": "r1", "Config": {"Labels": {"com.docker.compose.service": "recorder"}}}]
    monkeypatch.setattr(upgrading.engine, "containers", lambda _: found)

    def run(arguments, **_):
        ran.append(arguments)
        return subprocess.CompletedProcess(arguments, answer["code"], answer["out"], b"usage: recorder")

    monkeypatch.setattr(upgrading.subprocess, "run", run)
    return found, ran, answer


def test_the_recorder_is_told_in_its_container(recorder):
    found, ran, answer = recorder
    assert upgrading.tell_recorder("p", "again") == {"again": 3, "left_out": 0}
    assert ran == [["docker", "exec", "r1", "python3", "-B", "-m", "recorder", "again"]]
    for code, said in ((1, "does not do `keep`: usage"), (2, "deploy the version that runs first")):
        answer["code"] = code
        with pytest.raises(StepFailed, match=said):
            upgrading.tell_recorder("p", "keep")
    with pytest.raises(StepFailed, match="unknown word"):
        upgrading.tell_recorder("p", "status; rm")
    found.clear()
    assert upgrading.tell_recorder("p", "keep") == {}


@pytest.mark.parametrize(
    ("current", "journal", "release"),
    [
        ("3-abc", None, "3-abc"),
        ("4-def", ("4-def", "3-abc"), "3-abc"),  # the power went in the migrations
        ("3-abc", ("3-abc", "4-def"), "3-abc"),  # and here in the undo
        ("4-def", ("3-abc", "4-def"), "3-abc"),
        ("4-def", None, None),
        ("5-ghi", ("5-ghi", "4-def"), None),
    ],
)
def test_a_host_goes_back_to_where_the_upgrade_began_until_it_is_whole_on_another_release(
    store, current, journal, release
):
    store.point_to(current)
    if journal:
        store.append("journal", step="switching", release=journal[0], previous=journal[1])
    assert upgrading.began_on(store) is None
    upgrading.begin(store, ENTRY)
    assert upgrading.began_on(store) == release
    upgrading.go_back(store)
    assert store.current() == (release or current)
    assert (store.unfinished() is None) == (release is not None or journal is None)
