"""Drills: a set that does not hold what its manifest says is marked bad, and nothing stays behind."""

from __future__ import annotations

import contextlib
import errno
import json
from pathlib import Path

import pytest

from gateway.agent import backup_log, content, drill
from gateway.agent.failure import StepFailed
from tests.unit.agent.backup_situations import host

TABLES = {"public.t": [2, "7"]}
ROWS = {"request_response_rmt": {"3": [2, "9"]}}


@pytest.fixture
def sets(tmp_path, monkeypatch):
    """Let a set be a folder; the scratch stores hold what `found` says."""
    folder = tmp_path / "fetched"
    (folder / "objects").mkdir(parents=True)
    (folder / "objects" / "body").write_text("b")
    (folder / "objects.jsonl").write_text('["body", 1]\n')
    manifest = {
        "files": {"objects.jsonl": content.file_hash(folder / "objects.jsonl")}, "postgres": TABLES,
        "clickhouse": content.settled(ROWS, ROWS),
        "objects": {"count": 1, "bytes": 1, "sampled": {"body": content.file_hash(folder / "objects" / "body")}},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = {"postgres": TABLES, "clickhouse": ROWS, "marks": [], "removed": [], "folder": folder}
    chosen = {"id": "7", "snapshot": "s", "time": "2026-01-01", "project": "helicone-trial"}
    monkeypatch.setattr(drill.restic, "open_repository", lambda *_, **__: None)
    monkeypatch.setattr(drill.restic, "choose", lambda *_: chosen)
    monkeypatch.setattr(drill.restic, "restore", lambda *_: folder)
    monkeypatch.setattr(drill.restic, "mark", lambda settings, project, identifier, state: found["marks"].append(state))
    monkeypatch.setattr(drill.volumes, "make", lambda volume: folder)
    monkeypatch.setattr(drill.volumes, "remove", found["removed"].append)
    monkeypatch.setattr(drill.scratch, "clear", lambda _: None)
    monkeypatch.setattr(drill.scratch, "postgres", lambda *_: contextlib.nullcontext("postgres"))
    monkeypatch.setattr(drill.scratch, "clickhouse", lambda *_: contextlib.nullcontext("clickhouse"))
    monkeypatch.setattr(drill.content, "postgres", lambda ask: found[ask])
    monkeypatch.setattr(drill.content, "clickhouse", lambda ask: found[ask])
    return found


def run(store):
    return drill.drill(store, None, "ann@desk", lambda **_: None)


def test_a_set_that_holds_what_it_says(tmp_path, sets):
    store = host(tmp_path)
    done = run(store)
    assert (done["set"], done["tables"], done["rows"], done["objects"]) == ("7", 2, 4, 1)
    assert sets["marks"] == []
    assert sets["removed"][-1] == "helicone-trial-drill"
    assert backup_log.summary(store)["drill"]["set"] == "7"


@pytest.mark.parametrize(
    ("store_of_set", "held"),
    [("postgres", {"public.t": [2, "8"]}), ("clickhouse", {"request_response_rmt": {"3": [1, "4"], "5": [1, "5"]}})],
)
def test_one_altered_row_makes_the_set_bad(tmp_path, sets, store_of_set, held):
    store = host(tmp_path)
    backup_log.note(store, "backup", "7", 0.0, "ann")
    sets[store_of_set] = held
    with pytest.raises(StepFailed, match="not the same content") as caught:
        run(store)
    assert caught.value.kind == "content"
    assert sets["marks"] == ["bad"]
    known = backup_log.summary(store)
    assert known["backup"] is None
    assert known["failed_drill"] is not None
    assert sets["removed"][-1] == "helicone-trial-drill"


def test_an_altered_file_and_a_lost_manifest_make_it_bad(tmp_path, sets):
    (sets["folder"] / "objects.jsonl").write_text("")
    with pytest.raises(StepFailed, match=r"objects\.jsonl of the set has another checksum"):
        run(host(tmp_path))
    (sets["folder"] / "manifest.json").write_text("")
    with pytest.raises(StepFailed, match="no readable manifest"):
        run(host(tmp_path / "again"))
    assert sets["marks"] == ["bad", "bad"]


@pytest.mark.parametrize(
    ("failure", "marks"),
    [
        (StepFailed("fetch", "ciphertext verification failed"), ["bad"]),
        (StepFailed("fetch", "StreamPack: file is too short"), ["bad"]),  # a cut file in a folder, or by SFTP
        (StepFailed("fetch", "StreamPack: restic-file-too-short"), ["bad"]),  # and in S3
        (StepFailed("fetch", "StreamPack: unexpected EOF"), []),  # an answer that broke off: a network, or Docker
        (StepFailed("fetch", "cached file <data/4f> is too short"), []),
        (StepFailed("fetch", "no space left on device"), []),
        (StepFailed("repository", "config or key 4f is damaged"), []),
        (StepFailed("scratch store", "does not come up"), []),
    ],
)
def test_a_drill_that_the_host_fails_says_nothing_of_the_set(tmp_path, sets, monkeypatch, failure, marks):
    def fail(*_):
        raise failure

    monkeypatch.setattr(drill.restic, "restore", fail)
    store = host(tmp_path)
    with pytest.raises(StepFailed) as caught:
        run(store)
    assert sets["marks"] == marks
    assert caught.value.kind == ("content" if marks else "failed")
    assert backup_log.summary(store)["failed_drill"]["cause"] == failure.message


@pytest.mark.parametrize(
    ("place", "failure", "marks"),
    [
        ("postgres", StepFailed("load", "the dump could not be loaded: No space left on device"), []),
        ("postgres", StepFailed("load", "the dump could not be loaded: psql ended early"), []),
        ("postgres", StepFailed("load", "the dump could not be loaded: syntax error", kind="content"), ["bad"]),
        ("postgres", StepFailed("postgres", "connection to server was lost"), []),
        ("clickhouse", StepFailed("clickhouse", "Cannot write to a file that is damaged: No space left on device"), []),
        ("clickhouse", StepFailed("clickhouse", "ClickHouse does not answer: unexpected EOF"), []),
    ],
)
def test_a_scratch_store_that_runs_out_of_room_says_nothing_of_the_set(
    tmp_path, sets, monkeypatch, place, failure, marks
):
    """The next backup would remove a good set, perhaps the one that a running upgrade is undone with."""

    def fail(*_):
        raise failure

    monkeypatch.setattr(drill.scratch, place, fail)
    store = host(tmp_path)
    backup_log.note(store, "backup", "7", 0.0, "ann")
    with pytest.raises(StepFailed) as caught:
        run(store)
    assert sets["marks"] == marks
    assert caught.value.kind == ("content" if marks else "failed")
    assert (backup_log.summary(store)["backup"] is None) == bool(marks)


@pytest.mark.parametrize("name", ["manifest.json", "objects.jsonl", "body"])
def test_a_file_that_the_disk_does_not_give_says_nothing_of_the_set(tmp_path, sets, monkeypatch, name):
    give = Path.open

    def fail(path, *words, **more):
        if path.name == name and path.is_relative_to(sets["folder"]):
            raise OSError(errno.EIO, "Input/output error")
        return give(path, *words, **more)

    monkeypatch.setattr(Path, "open", fail)
    monkeypatch.setattr(Path, "read_bytes", lambda path: path.open("rb").read())
    with pytest.raises(StepFailed, match="Input/output error") as caught:
        run(host(tmp_path))
    assert (sets["marks"], caught.value.kind) == ([], "failed")


def test_a_set_that_is_not_there_is_asked_for_in_vain(tmp_path, sets, monkeypatch):
    def missing(*_):
        raise StepFailed("choose", "there is no set 9", kind="configuration")

    monkeypatch.setattr(drill.restic, "choose", missing)
    with pytest.raises(StepFailed) as caught:
        run(host(tmp_path))
    assert caught.value.kind == "configuration"
    assert sets["marks"] == []
