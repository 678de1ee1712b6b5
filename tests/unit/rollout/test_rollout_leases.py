"""Leases are taken in one order for everybody; who holds one is waited for, or named."""

from __future__ import annotations

import pytest

from gateway.errors import LockedError
from gateway.rollout import take_leases
from gateway.transport.conversation import AgentError
from tests.unit.fake_fleet import Fleet
from tests.unit.situations import HOSTS, load


def test_leases_are_taken_in_one_order_for_everybody(fleet):
    take_leases(fleet.run, "ann", "deploy")
    assert [host for host, verb, _ in fleet.asked if verb == "lease"] == ["app1", "app2", "data1"]
    assert [host for host, verb, _ in fleet.asked if verb == "keep_lease"] == ["app1", "app2", "data1"]


def test_environments_that_call_the_same_hosts_otherwise_take_them_in_the_same_order(tmp_path):
    hosts = HOSTS.replace("10.0.0.1", "10.0.0.9")
    fleet = Fleet(load(tmp_path, hosts=hosts))
    take_leases(fleet.run, "ann", "deploy")
    assert [host for host, verb, _ in fleet.asked if verb == "lease"] == ["app2", "data1", "app1"]


def test_a_locked_host_stops_the_command_before_the_next_is_asked(fleet):
    locked = {"step": "lease", "message": "bob is running `deploy`", "kind": "locked"}
    fleet.answers["app2", "lease"] = AgentError("app2", locked)
    with pytest.raises(LockedError, match="bob is running") as caught:
        take_leases(fleet.run, "ann", "deploy")
    assert caught.value.exit_code == 4
    assert ("data1", "lease", None) not in fleet.asked
    assert f"invoke unlock --env {fleet.run.inventory.environment}" in caught.value.next_step


def test_who_is_to_wait_for_another_environment_is_told_to_look_at_that_one(fleet):
    locked = {"step": "lease", "message": "bob is running `deploy` for second", "kind": "locked"}
    fleet.answers["app2", "lease"] = AgentError("app2", {**locked, "environment": "second"})
    with pytest.raises(LockedError) as caught:
        take_leases(fleet.run, "ann", "deploy")
    assert caught.value.next_step.endswith("invoke unlock --env second")


def test_a_host_that_finishes_alone_is_waited_for(fleet, monkeypatch):
    monkeypatch.setattr("gateway.rollout.time.sleep", lambda _: None)
    orphaned = {"step": "lease", "message": "bob was running `deploy`", "kind": "orphaned"}
    answers = [AgentError("app2", orphaned), AgentError("app2", orphaned), {}]
    fleet.answers["app2", "lease"] = lambda: answers.pop(0)
    take_leases(fleet.run, "ann", "deploy")
    assert answers == []
