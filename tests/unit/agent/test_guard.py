"""What guards a host: kept when confirmed, taken back when not, whatever happens to whoever asked for it."""

from __future__ import annotations

import hashlib
import json
import os
from types import SimpleNamespace

import pytest

from gateway.agent import guard, lease
from gateway.agent.failure import StepFailed
from gateway.agent.session import CHANGING, VERBS, Session
from gateway.agent.store import Store

PROJECT = "helicone-x"
RULES, SSHD = "guard/firewall.nft", "guard/sshd.conf"


class Part:
    """One of the guards, in force in a variable instead of in a kernel; refuses the text `bad`."""

    def __init__(self):
        self.text = None

    def put(self, project, text):
        assert project == PROJECT
        if text == "bad":
            raise StepFailed("firewall", "nft refused the rules")
        self.text = text

    def in_force(self, project, text):
        return self.text == text


@pytest.fixture
def parts(monkeypatch):
    made = {name: Part() for name in guard.PARTS}
    monkeypatch.setattr(guard, "PARTS", made)
    return made


@pytest.fixture
def hooks(monkeypatch):
    """Note when the boot hook comes and goes."""
    noted = []
    monkeypatch.setattr(guard.guard_boot, "install", lambda store, project: noted.append("install"))
    monkeypatch.setattr(guard.guard_boot, "remove", lambda project: noted.append("remove"))
    return noted


@pytest.fixture
def timers(monkeypatch):
    """Note the timers, which no test waits for."""
    noted = []
    monkeypatch.setattr(guard, "_undo_later", lambda store, project, token, seconds: noted.append((token, seconds)))
    return noted


@pytest.fixture
def store(tmp_path, parts, hooks, timers):
    store = Store(str(tmp_path / "environment"))
    store.create()
    held(store, "0-none")
    held(store, "1-a", **{RULES: "rules of a"})
    held(store, "2-b", **{RULES: "rules of b", SSHD: "keys only"})
    held(store, "3-bad", **{RULES: "bad"})
    return store


def held(store, release, **files):
    """Write a release with these guards."""
    for name, text in files.items():
        (store.releases / release / name).parent.mkdir(parents=True, exist_ok=True)
        (store.releases / release / name).write_text(text)
    (store.releases / release).mkdir(exist_ok=True)
    (store.releases / release / "manifest.json").write_text(json.dumps({"files": {name: {} for name in files}}))


def expire(store, timers):
    """Let the newest timer run out."""
    guard._undo(store, PROJECT, timers[-1][0])  # noqa: SLF001 - the process around it only sleeps


def in_force(parts):
    return {name: part.text for name, part in parts.items() if part.text is not None}


def test_what_is_confirmed_stays(store, parts, timers, hooks):
    assert guard.apply(store, PROJECT, "1-a", 30) == {"unconfirmed": True}
    assert guard.look(store, PROJECT) == {"files": {RULES: "altered"}, "pending": True}
    guard.confirm(store, PROJECT)
    expire(store, timers)
    assert in_force(parts) == {RULES: "rules of a"}
    digest = hashlib.sha256(b"rules of a").hexdigest()
    assert guard.look(store, PROJECT) == {"files": {RULES: digest}, "pending": False}
    assert (timers[0][1], hooks) == (30, ["install"])


def test_what_is_not_confirmed_is_taken_back_to_what_was(store, parts, timers):
    guard.apply(store, PROJECT, "1-a", 30)
    guard.confirm(store, PROJECT)
    guard.apply(store, PROJECT, "2-b", 30)
    assert in_force(parts) == {RULES: "rules of b", SSHD: "keys only"}
    expire(store, timers)
    assert in_force(parts) == {RULES: "rules of a"}
    assert not guard.look(store, PROJECT)["pending"]
    assert store.lines("journal")[-1]["step"] == "guard undone"
    with pytest.raises(StepFailed, match="taken back before"):
        guard.confirm(store, PROJECT)


def test_the_first_ones_are_taken_back_to_none(store, parts, timers):
    guard.apply(store, PROJECT, "1-a", 30)
    expire(store, timers)
    assert in_force(parts) == {}
    assert guard.look(store, PROJECT) == {"files": {}, "pending": False}


def test_going_back_to_what_was_confirmed_needs_no_confirmation_and_ends_the_undo(store, parts, timers):
    guard.apply(store, PROJECT, "1-a", 30)
    guard.confirm(store, PROJECT)
    guard.apply(store, PROJECT, "2-b", 30)
    assert guard.apply(store, PROJECT, "1-a", 30) == {"unconfirmed": False}
    assert in_force(parts) == {RULES: "rules of a"}
    parts[RULES].text = "somebody's own"
    expire(store, timers)
    assert in_force(parts) == {RULES: "somebody's own"}, "an undo that lost its reason does nothing"
    assert guard.apply(store, PROJECT, "1-a", 30) == {"unconfirmed": False}
    assert in_force(parts) == {RULES: "rules of a"}


def test_an_old_timer_does_not_undo_a_newer_change(store, parts, timers):
    guard.apply(store, PROJECT, "1-a", 30)
    old = timers[-1][0]
    guard.apply(store, PROJECT, "2-b", 30)
    guard._undo(store, PROJECT, old)  # noqa: SLF001
    assert in_force(parts) == {RULES: "rules of b", SSHD: "keys only"}


@pytest.mark.parametrize("release", ["0-none", None])
def test_taking_them_away_needs_a_confirmation_too_and_takes_the_hook(store, parts, hooks, release):
    guard.apply(store, PROJECT, "2-b", 30)
    guard.confirm(store, PROJECT)
    assert guard.apply(store, PROJECT, release, 30) == {"unconfirmed": True}
    guard.confirm(store, PROJECT)
    assert in_force(parts) == {}
    assert guard.look(store, PROJECT) == {"files": {}, "pending": False}
    assert hooks[-1] == "remove"


def test_what_is_refused_leaves_all_as_it_was(store, parts):
    guard.apply(store, PROJECT, "2-b", 30)
    guard.confirm(store, PROJECT)
    with pytest.raises(StepFailed, match="nft refused"):
        guard.apply(store, PROJECT, "3-bad", 30)
    assert in_force(parts) == {RULES: "rules of b", SSHD: "keys only"}
    assert not guard.look(store, PROJECT)["pending"]


def test_what_somebody_changed_is_seen(store, parts):
    guard.apply(store, PROJECT, "1-a", 30)
    guard.confirm(store, PROJECT)
    parts[RULES].text = None
    parts[SSHD].text = "somebody's own"
    assert guard.look(store, PROJECT)["files"] == {RULES: "altered", SSHD: "altered"}


def test_an_environment_that_goes_takes_them_along(store, parts, hooks):
    guard.apply(store, PROJECT, "2-b", 30)
    guard.confirm(store, PROJECT)
    guard.clear(store, PROJECT)
    assert in_force(parts) == {}
    assert guard.look(store, PROJECT) == {"files": {}, "pending": False}
    assert hooks[-1] == "remove"


def test_a_conversation_changes_them_only_with_the_lease(store):
    assert {"guard", "confirm"} <= CHANGING <= VERBS
    session = Session(None)
    session.store = store
    assert session.guard({"project": PROJECT, "release": "1-a", "seconds": 30}, b"") == {"unconfirmed": True}
    assert session.confirm({"project": PROJECT}, b"") == {}


def test_the_timer_is_a_process_that_nobody_owns(tmp_path, parts, hooks, monkeypatch):
    """It must come back at once, hold none of the connection's ends, and undo by itself."""
    store = Store(str(tmp_path / "environment"))
    store.create()
    held(store, "1-a", **{RULES: "rules of a"})
    monkeypatch.setattr(guard.time, "sleep", lambda _: None)
    monkeypatch.setattr(guard, "PARTS", {RULES: SimpleNamespace(put=lambda *_: None, in_force=lambda *_: True)})
    reading, writing = os.pipe()
    guard.apply(store, PROJECT, "1-a", 30)
    os.close(writing)
    assert os.read(reading, 1) == b""  # the timer's process does not hold the other end
    os.close(reading)


def runs(store, release):
    """Let a release run whose guards were confirmed when it came."""
    store.point_to(release)
    guard.apply(store, PROJECT, release, 30)
    guard.confirm(store, PROJECT)


@pytest.mark.parametrize("confirmed", [True, False])
def test_guards_of_a_release_that_was_never_switched_to_go(store, parts, timers, confirmed):
    runs(store, "1-a")
    guard.apply(store, PROJECT, "2-b", 30)
    if confirmed:
        guard.confirm(store, PROJECT)
    guard.settle(store, PROJECT)
    digest = hashlib.sha256(b"rules of a").hexdigest()
    assert in_force(parts) == {RULES: "rules of a"}
    assert guard.look(store, PROJECT) == {"files": {RULES: digest}, "pending": False}
    expire(store, timers)
    assert in_force(parts) == {RULES: "rules of a"}


def test_where_no_release_runs_all_of_them_go_and_where_there_never_were_any_nothing_is_written(store, parts, hooks):
    guard.settle(store, PROJECT)
    assert not guard.guard_boot.folder(store).exists()
    guard.apply(store, PROJECT, "2-b", 30)
    guard.confirm(store, PROJECT)
    guard.settle(store, PROJECT)
    assert in_force(parts) == {}
    assert hooks[-1] == "remove"


@pytest.mark.parametrize(
    ("switched", "holds", "left"),
    [(False, True, "rules of a"), (True, True, "rules of b"), (False, False, "rules of b")],
)
def test_a_conversation_that_ends_before_the_switch_leaves_the_guards_of_what_runs(store, parts, switched, holds, left):
    """Unless somebody else holds the host by now, whose business it is."""
    runs(store, "1-a")
    session = Session(SimpleNamespace(patience=None))
    session.store = store
    session.lease({"owner": "ann", "command": "deploy", "seconds": 30}, b"")
    session.guard({"project": PROJECT, "release": "2-b", "seconds": 30}, b"")
    session.confirm({"project": PROJECT}, b"")
    if switched:
        store.point_to("2-b")
    if not holds:
        (store.state / "lease.json").unlink()
    session.leave()
    assert parts[RULES].text == left
    assert lease.show(store) is None
