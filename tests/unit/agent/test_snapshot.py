"""What a host tells about itself."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gateway
from gateway.agent import lease, snapshot, standing_still
from gateway.agent.store import Store

SWITCHED = [{"step": "switching", "release": "2-b", "previous": "1-a"}, {"step": "switched", "release": "2-b"}]
UNDONE = [{"step": "switching", "release": "3-c", "previous": "2-b"}, {"step": "undone", "release": "2-b"}]
RETIRED = [
    {"step": "switching", "release": "1-a", "previous": None},
    {"step": "retiring", "release": None, "previous": "1-a"},
    {"step": "retired", "release": None},
    {"step": "undone", "release": None},
]
JOURNALS = st.lists(st.sampled_from([SWITCHED, UNDONE, RETIRED]), max_size=4).map(lambda parts: [*chain(*parts)])


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "trial"))
    made.create()
    return made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(JOURNALS, st.data())
def test_any_prefix_of_the_journal_tells_whether_something_was_left_unfinished(store, entries, data):
    """A power cut may end the journal at any byte; a whole line is whole even without its line end."""
    whole = b"".join(json.dumps({"time": 1.0, **entry}).encode() + b"\n" for entry in entries)
    cut = data.draw(st.integers(0, len(whole)))
    (store.state / "journal.jsonl").write_bytes(whole[:cut])
    ends = [len(b"\n".join(whole.split(b"\n")[: count + 1])) for count in range(len(entries))]
    written = [entry for entry, end in zip(entries, ends, strict=True) if end <= cut]
    found = snapshot.interrupted(store)
    begun = bool(written) and written[-1]["step"] in ("switching", "retiring")
    assert (found is not None) == begun
    if found is not None:
        assert {"release": found["release"], "previous": found["previous"]} == {
            "release": written[-1]["release"],
            "previous": written[-1]["previous"],
        }


def test_a_switch_that_somebody_still_finishes_is_not_interrupted(store, monkeypatch):
    store.append("journal", **SWITCHED[0])
    monkeypatch.setattr(lease, "show", lambda _: {"working": True})
    assert snapshot.interrupted(store) is None
    monkeypatch.setattr(lease, "show", lambda _: {"working": False})
    assert snapshot.interrupted(store)["release"] == "2-b"


def test_a_bare_host_is_seen_whole_without_docker(store, monkeypatch):
    monkeypatch.setattr(snapshot.engine, "SOCKET", str(store.root / "no-socket"))
    seen = snapshot.take(store, "helicone-trial", ["registry:5000"], ["jawn:1@sha256:" + "a" * 64])
    assert seen["facts"]["engine"] is None
    assert seen["facts"]["missing_images"] == ["jawn:1@sha256:" + "a" * 64]
    assert seen["facts"]["certificates"] == {"registry:5000": ""}
    assert seen["facts"]["memory"] > 1 << 20
    assert (seen["current"], seen["manifest"], seen["containers"], seen["edge"]["authority"]) == (None, None, [], "")
    assert seen["backups"]["standing_still"] is None
    json.dumps(seen)


def test_what_services_stand_still_for_is_told(store, monkeypatch):
    monkeypatch.setattr(snapshot.engine, "SOCKET", str(store.root / "no-socket"))
    standing_still.note(store, "ann's restore of set 3f2a")
    seen = snapshot.take(store, "helicone-trial", [], [])
    assert seen["backups"]["standing_still"]["reason"] == "ann's restore of set 3f2a"


def test_what_was_cut_off_is_told_without_docker_too(store, monkeypatch):
    """A deploy would start Docker, and then jawn and web on half a set, or an old version on a half migrated schema."""
    monkeypatch.setattr(snapshot.engine, "SOCKET", str(store.root / "no-socket"))
    monkeypatch.setenv("PATH", str(store.root))
    postgres = {"mode": "external", "user": "u", "database": "d", "host": "pg", "port": 5432, "image": "postgres:1"}
    migrations = {"postgres": postgres, "clickhouse": {"mode": "bundled"}, "allowed_absent": []}
    snapshot.aside.begin(store)
    snapshot.upgrading.begin(store, {
        "set": "S0", "made": 1.0, "release": "1-a", "missing": {"postgres": ["2_b.sql"], "clickhouse": []},
        "migrations": migrations,
    })  # fmt: skip
    backups = snapshot.take(store, "helicone-trial", [], [])["backups"]
    assert backups["restore_cut_off"]
    assert (backups["upgrade"]["set"], backups["upgrade"]["applied"]) == ("S0", ["2_b.sql"])
    snapshot.aside.end(store)
    snapshot.upgrading.end(store)
    backups = snapshot.take(store, "helicone-trial", [], [])["backups"]
    assert (backups["restore_cut_off"], backups["upgrade"]) == (False, None)


def test_line_ends_are_content(store):
    (store.root / "file").write_bytes(b"one\r\ntwo\r\n")
    assert snapshot._read(store.root / "file") == "one\r\ntwo\r\n"  # noqa: SLF001


def test_a_host_imports_no_more_for_a_no_op_than_that_needs(tmp_path):
    """What a module costs, every command costs on every host: urllib and what it brings were a third of all."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from agent import session, snapshot\n"
        "from agent.store import Store\n"
        "snapshot.take(Store(sys.argv[2]), 'helicone-trial', [], [])\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(Path(gateway.__file__).parent), str(tmp_path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    heavy = "asyncio email http logging sqlite3 ssl tarfile tempfile urllib.request zipfile"
    assert {*heavy.split()} & {*done.stdout.split()} == set()
