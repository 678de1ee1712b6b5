"""New rules of a firewall: confirmed over a new connection before the switch, or taken back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gateway.errors import InDoubtError, RolledBackError, UnreachableError
from gateway.plan.build import Phase, Plan
from gateway.plan.operations import GuardHost
from gateway.rollout import touch
from tests.unit.fake_fleet import FIRST, OLD, failed, good


@pytest.fixture
def guarding(fleet, monkeypatch):
    """Let the plan begin with new rules on every host; note the new connections that confirm them."""
    opened = []

    class Opened:
        def close(self):
            opened.append("closed")

    def converse(host, inventory):
        answers = fleet.answers.get((host.name, "converse"))
        if answers:
            opened.append("refused")
            raise answers if isinstance(answers, Exception) else answers.pop()
        opened.append(host.name)
        return Opened()

    clock = iter(range(1000))
    slept = SimpleNamespace(sleep=lambda _: None, monotonic=lambda: next(clock))
    monkeypatch.setattr("gateway.plan.operations.time", slept)
    monkeypatch.setattr("gateway.plan.operations.converse", converse)
    guards = tuple(GuardHost(name, "2-new", ("load the firewall",), 30) for name in OLD)
    fleet.plan = Plan("2-new", fleet.plan.hosts, (), (Phase("guard", (guards,)), *fleet.plan.touching))
    for name in OLD:
        fleet.answers[name, "guard", "2-new"] = {"unconfirmed": True}
    return opened


def guard_requests(fleet, host):
    return [(verb, release) for name, verb, release in fleet.asked if name == host and verb in ("guard", "confirm")]


def test_new_rules_are_confirmed_over_a_new_connection(fleet, guarding):
    touch(fleet.plan, fleet.run, OLD, good)
    assert sorted(guarding) == ["app1", "app2", "closed", "closed", "closed", "data1"]
    assert guard_requests(fleet, "app1") == [("guard", "2-new"), ("confirm", None)]
    assert [verb for name, verb, _ in fleet.asked if name == "data1"] == ["guard", "confirm", "switch"]


def test_rules_that_let_no_new_connection_in_stop_everything_before_the_switch(fleet, guarding):
    fleet.answers["app2", "converse"] = UnreachableError("no connection: timed out", where="app2: connect")
    with pytest.raises(RolledBackError) as caught:
        touch(fleet.plan, fleet.run, OLD, good)
    assert fleet.switched() == []
    [row] = caught.value.failures
    assert (row.host, row.in_doubt) == ("app2", False)
    assert "taken back: no connection: timed out" in row.cause
    assert guard_requests(fleet, "app2") == [("guard", "2-new"), ("guard", "1-old")]
    assert guard_requests(fleet, "app1")[-1] == ("guard", "1-old")


def test_an_sshd_that_is_just_reading_its_settings_is_asked_again(fleet, guarding):
    fleet.answers["app1", "converse"] = [UnreachableError("no connection: refused") for _ in range(2)]
    touch(fleet.plan, fleet.run, OLD, good)
    assert guarding.count("refused") == 2
    assert guard_requests(fleet, "app1") == [("guard", "2-new"), ("confirm", None)]


def test_a_deploy_that_goes_back_takes_its_rules_along_first(fleet, guarding):
    fleet.answers["data1", "switch", "2-new"] = failed("data1")
    with pytest.raises(RolledBackError):
        touch(fleet.plan, fleet.run, OLD, good)
    assert guard_requests(fleet, "data1")[-1] == ("guard", "1-old")


def test_a_first_deploy_that_goes_back_leaves_no_rules(fleet, guarding):
    fleet.answers["app1", "switch", "2-new"] = failed("app1")
    with pytest.raises(RolledBackError):
        touch(fleet.plan, fleet.run, FIRST, good)
    assert guard_requests(fleet, "app2")[-1] == ("guard", None)


def test_rules_that_do_not_go_back_are_doubt(fleet, guarding):
    fleet.answers["data1", "switch", "2-new"] = failed("data1")
    fleet.answers["app2", "guard", "1-old"] = failed("app2")
    with pytest.raises(InDoubtError, match="app2 is not known"):
        touch(fleet.plan, fleet.run, OLD, good)
