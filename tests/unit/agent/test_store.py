"""Releases, the `current` link and the journals on a host's disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agent import store as module
from gateway.agent.failure import StepFailed
from gateway.agent.store import Store, marks, read_env, release_number
from gateway.render.quoting import quote_env
from gateway.secret import Secret
from tests.unit.situations import release

NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,12}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "helicone" / "trial"))
    made.create()
    return made


@given(st.dictionaries(NAMES, VALUES))
def test_read_env_is_the_inverse_of_quote_env(values):
    text = "# made by a template\n" + "".join(f"{name}={quote_env(value)}\n" for name, value in values.items())
    assert read_env(text) == values


@pytest.mark.parametrize("line", ['export KEY="x y"', ' KEY ="x y"', "KEY=x y", 'KEY="x y"\n# KEY="z"'])
def test_read_env_knows_a_name_that_was_edited_by_hand(line):
    assert read_env(line) == {"KEY": "x y"}


def test_state_and_releases_are_private(store):
    assert {folder.stat().st_mode & 0o777 for folder in (store.releases, store.state)} == {0o700}
    assert store.root.stat().st_mode & 0o777 == 0o755


def test_current_points_where_it_was_told(store):
    assert store.current() is None
    for identifier in ("1-a", "2-b", "1-a"):
        store.point_to(identifier)
        assert store.current() == identifier
        assert store.current_link.readlink().parts == ("releases", identifier)
    store.point_to(None)
    assert store.current() is None
    assert [entry.name for entry in store.root.iterdir() if entry.is_symlink()] == []


def test_a_leftover_of_a_killed_switch_does_not_stop_the_next(store):
    (store.root / ".current.new").symlink_to("releases/9-dead")
    store.point_to("2-b")
    assert store.current() == "2-b"


def test_releases_are_ordered_by_number_and_hidden_ones_are_none(store):
    for name in ("10-a", "9-b", ".incoming-11-c", "lost+found"):
        (store.releases / name).mkdir()
    assert store.release_ids() == ["lost+found", "9-b", "10-a"]
    assert [release_number(name) for name in ("12-3f", "x-1", "")] == [12, -1, -1]


def test_check_names_changed_and_missing_files(store):
    made = release()
    folder = store.releases / "1-a"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(made.manifest))
    (folder / ".env").write_bytes(made.files[".env"].content + b"# edited\n")
    assert sorted(store.check("1-a")) == [".env", "compose.override.yml"]


def test_a_release_without_a_whole_manifest_is_refused(store):
    (store.releases / "1-a").mkdir()
    (store.releases / "1-a" / "manifest.json").write_text('{"files": {')
    with pytest.raises(StepFailed, match="not complete"):
        store.manifest("1-a")


def test_a_torn_line_costs_only_itself(store):
    store.append("journal", step="switching")
    with (store.state / "journal.jsonl").open("ab") as file:
        file.write(b'{"time": 1, "st')
    assert [entry["step"] for entry in store.lines("journal", last=1)] == ["switching"]
    store.append("journal", step="undone")
    assert [entry["step"] for entry in store.lines("journal")] == ["switching", "undone"]
    assert [entry["step"] for entry in store.lines("journal", last=1)] == ["undone"]


def test_only_secret_values_are_read_from_a_release(store):
    made = release()
    folder = store.releases / "1-a"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(made.manifest))
    (folder / ".env").write_bytes(made.files[".env"].content)
    assert store.environment("1-a") == {"PASSWORD": "hunter22"}


def test_marks_are_those_of_the_controller():
    key = bytes(32)
    assert marks({"A": "value", "B": "é"}, key) == {
        "A": Secret("value").fingerprint(key), "B": Secret("é").fingerprint(key)
    }  # fmt: skip


def test_a_guard_that_was_undone_meanwhile_does_not_hide_a_switch_that_was_cut_off(store):
    store.append("journal", step="switching", release="2-b", previous="1-a")
    store.append("journal", step="guard undone", reason="no new connection confirmed it")
    assert store.unfinished()["release"] == "2-b"
    store.append("journal", step="undone", release="1-a")
    assert store.unfinished() is None


def test_where_a_host_goes_back_to_is_what_it_was_last_whole_on(store):
    store.point_to("2-b")
    assert store.settled() == "2-b"
    store.append("journal", step="switching", release="2-b", previous="1-a")
    assert store.settled() == "1-a"
    store.append("journal", step="retiring", release=None, previous="2-b")
    assert store.settled() is None


def test_a_new_journals_name_is_flushed_too(store, monkeypatch):
    flushed = []
    monkeypatch.setattr(module, "flush_folder", flushed.append)
    store.append("journal", step="switching")
    store.append("journal", step="switched")
    assert flushed == [store.state]


def test_two_environments_may_make_the_folder_above_them_at_the_same_moment(tmp_path, monkeypatch):
    exists = Path.exists

    def seen_too_early(path, **options):
        """Let another environment make each folder just after this one saw that it is not there."""
        found = exists(path, **options)
        if not found:
            path.mkdir()
        return found

    monkeypatch.setattr(Path, "exists", seen_too_early)
    store = Store(str(tmp_path / "above" / "trial"))
    store.create()
    assert store.state.is_dir()
    assert store.root.parent.stat().st_mode & 0o777 == 0o755
