"""Seeing the hosts before changing them."""

import time

import pytest

from gateway.commands import fleet_state
from gateway.commands.fleet_state import observe_unlocked
from gateway.console import Reporter
from gateway.errors import LockedError
from tests.unit.situations import load

LEASE = {"owner": "ann@desk", "command": "deploy", "since": "10:00", "seconds": 7, "working": True, "orphaned": False}


class Talk:
    """A host whose snapshots hold these leases, one after the other."""

    def __init__(self, *leases):
        self.leases = list(leases)

    def request(self, verb, **arguments):
        assert verb == "snapshot"
        return {"lease": self.leases.pop(0), "facts": {"time": time.time()}}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(fleet_state.time, "sleep", lambda seconds: None)


def look(tmp_path, *leases):
    talk = Talk(*leases)
    return observe_unlocked(load(tmp_path), {"app1": talk}, Reporter(quiet=True)), talk


def test_a_held_host_is_refused_with_whose_it_is(tmp_path):
    with pytest.raises(LockedError, match=r"app1: lease: ann@desk is running `deploy` .* since 10:00") as caught:
        look(tmp_path, LEASE)
    assert "invoke unlock --env" in caught.value.next_step


def test_a_host_that_finishes_alone_is_waited_for_and_seen_as_it_is_then(tmp_path):
    observed, talk = look(tmp_path, {**LEASE, "orphaned": True}, {**LEASE, "orphaned": True}, None)
    assert observed["app1"]["lease"] is None
    assert talk.leases == []


def test_a_free_host_is_asked_once(tmp_path):
    _, talk = look(tmp_path, None, LEASE)
    assert talk.leases == [LEASE]
