"""Many hosts at once."""

from __future__ import annotations

import threading
import time

import pytest

from gateway.errors import ConfigurationError, UnreachableError
from gateway.transport import fleet
from gateway.transport.fleet import connected, need_all, on_all
from tests.unit.ctrl_c import ctrl_c
from tests.unit.situations import load


def test_results_and_failures_come_in_the_given_order():
    def work(name):
        time.sleep({"a": 0.05, "b": 0.0, "c": 0.02}[name])
        if name == "b":
            raise OSError(name)
        return name.upper()

    results, failures = on_all(["a", "b", "c"], work)
    assert list(results.items()) == [("a", "A"), ("c", "C")]
    assert [str(error) for error in failures.values()] == ["b"]


def test_hosts_are_asked_at_the_same_time():
    meeting = threading.Barrier(10, timeout=60)
    assert len(on_all([str(number) for number in range(10)], lambda _: meeting.wait())[0]) == 10


def test_ctrl_c_finishes_what_has_begun_and_begins_nothing_more(monkeypatch):
    monkeypatch.setattr(fleet, "CONNECTIONS_AT_ONCE", 1)
    began, ended = [], []

    def work(name):
        began.append(name)
        ctrl_c()
        ended.append(name)

    with pytest.raises(KeyboardInterrupt):
        on_all(["a", "b", "c"], work)
    assert began == ended == ["a"]


def test_no_hosts_no_work():
    assert on_all([], lambda _: None) == ({}, {})


def test_one_failure_is_itself_and_several_are_listed():
    one = UnreachableError("no connection", where="app1: connect", next_step="check")
    with pytest.raises(UnreachableError) as caught:
        need_all({"app1": one})
    assert caught.value is one
    two = ConfigurationError("there is no python3 on the host", where="app2: start the agent")
    with pytest.raises(UnreachableError, match=r"(?s)2 hosts failed:.*app1: connect.*app2: start the agent"):
        need_all({"app1": one, "app2": two})


def test_a_defect_is_not_dressed_up():
    with pytest.raises(KeyError):
        need_all({"app1": KeyError("x")})


class Talk:
    """A conversation that can be closed."""

    closed = False

    def close(self):
        self.closed = True


def test_all_that_were_opened_are_closed_when_one_host_fails(tmp_path, monkeypatch):
    opened = []

    def converse(host, _):
        if host.name == "app2":
            raise UnreachableError("no connection")
        opened.append(Talk())
        return opened[-1]

    monkeypatch.setattr(fleet, "converse", converse)
    with pytest.raises(UnreachableError), connected(load(tmp_path), need_all):
        pytest.fail("a command that needs all hosts must not begin")
    assert [talk.closed for talk in opened] == [True, True]


def test_a_host_that_cannot_be_reached_does_not_hide_the_others(tmp_path, monkeypatch):
    def converse(host, _):
        if host.name == "app2":
            raise UnreachableError("no connection")
        return Talk()

    monkeypatch.setattr(fleet, "converse", converse)
    lost = {}
    with connected(load(tmp_path), lost.update) as conversations:
        assert list(conversations) == ["app1", "data1"]
    assert list(lost) == ["app2"]
