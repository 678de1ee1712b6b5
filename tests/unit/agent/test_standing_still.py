"""A note on each host that services stand still for the stores: it comes with the stop and goes with the start."""

from __future__ import annotations

import pytest

from gateway.agent import backup_verbs, standing_still
from gateway.agent.store import Store

WORDS = {"project": "helicone-trial", "services": ["jawn"]}


class Verbs(backup_verbs.BackupVerbs):
    """The verbs of a host whose work is done in this process."""

    def __init__(self, store):
        self.store = store
        self.detached = lambda work: work(lambda **_: None)


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "trial"))
    made.create()
    return made


@pytest.fixture
def verbs(store, monkeypatch):
    """Give the verbs of a host whose services cannot be stopped and do not come back: the note says so before."""
    seen = []

    def stopped(*_):
        seen.append(standing_still.look(store))
        raise OSError("no Docker")

    monkeypatch.setattr(backup_verbs.halting, "halt", stopped)
    monkeypatch.setattr(backup_verbs.halting, "resume", stopped)
    return Verbs(store), seen


def test_a_stop_for_the_stores_is_noted_before_and_struck_out_by_the_start(verbs, store):
    talk, seen = verbs
    with pytest.raises(OSError, match="no Docker"):
        talk.halt({**WORDS, "reason": "ann's restore of set 3f2a"}, b"")
    assert [one["reason"] for one in seen] == ["ann's restore of set 3f2a"]
    assert standing_still.look(store)["since"][:2] == "20"
    with pytest.raises(OSError, match="no Docker"):
        talk.resume(WORDS, b"")
    assert seen[1] is None
    assert standing_still.look(store) is None


@pytest.mark.parametrize("more", [{}, {"reason": ""}])
def test_a_stop_by_hand_leaves_no_note(verbs, store, more):
    talk, seen = verbs
    with pytest.raises(OSError, match="no Docker"):
        talk.halt({**WORDS, **more}, b"")
    assert seen == [None]
    assert standing_still.look(store) is None


def test_a_note_that_is_damaged_or_not_there_is_none(store):
    standing_still.clear(store)
    (store.state / standing_still.FILE).write_text("{")
    assert standing_still.look(store) is None
