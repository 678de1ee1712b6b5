"""Making a release the running one."""

from __future__ import annotations

import pytest

from gateway.agent import standing_still
from gateway.agent import switch as module
from gateway.agent.failure import StepFailed
from gateway.agent.switch import retire
from tests.unit.agent.switch.switched_host import PROJECT


def test_services_start_in_their_order_on_the_new_release(host):
    assert host.switch("1-a") == {"release": "1-a", "previous": None}
    assert host.started() == [("1-a", ["db"]), ("1-a", ["jawn"]), ("1-a", ["edge"])]
    assert host.journal() == [("switching", "1-a"), ("switched", "1-a")]
    assert not [entry for entry in host.done if entry[0] == "settle"]


def test_ports_that_move_to_another_service_are_freed_before_anything_starts(host):
    host.switch("1-a")
    names = [entry[0] for entry in host.done]
    assert names.index("free_ports") < names.index("up")


def test_it_is_watched_for_a_while_when_asked(host):
    host.switch("1-a", settle_seconds=3)
    assert host.done[-1] == ("settle", "1-a", ["edge", "jawn", "db"])


def test_a_release_that_was_tampered_with_is_never_started(host):
    host.switch("1-a")
    host.done.clear()
    (host.store.releases / "2-b" / ".env").write_text("PASSWORD=else\n")
    with pytest.raises(StepFailed, match=r"checksum of \.env"):
        host.switch("2-b")
    assert host.done == []
    assert host.store.current() == "1-a"
    assert host.journal()[-1] == ("switched", "1-a")


def test_retiring_twice_is_no_error(host):
    host.switch("1-a")
    retire(host.store, PROJECT, lambda **_: None)
    retire(host.store, PROJECT, lambda **_: None)
    assert host.store.current() is None
    assert len(host.store.release_ids()) == 2


def test_a_switch_strikes_out_that_services_stand_still_unless_they_go_on_to(host, monkeypatch):
    monkeypatch.setattr(module.halting, "halt", lambda *_: None)
    standing_still.note(host.store, "a restore")
    host.switch("1-a", without=["jawn"])
    assert standing_still.look(host.store)["reason"] == "a restore"
    host.switch("1-a")
    assert standing_still.look(host.store) is None
