"""All hosts end on the new release, or all that were switched go back, or the doubt is named."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.commands.deploy import carry_out
from gateway.errors import (
    ConfigurationError,
    HostFailure,
    InDoubtError,
    LockedError,
    RolledBackError,
    UnreachableError,
)
from gateway.plan.build import Phase, Plan
from gateway.plan.operations import GuardHost, PrepareHost, Run
from gateway.rollout import prepare, take_leases, touch
from gateway.transport.conversation import AgentError
from tests.unit.ctrl_c import ctrl_c
from tests.unit.fake_fleet import OLD, Fleet
from tests.unit.situations import HOSTS, load

FIRST = dict.fromkeys(OLD)


@pytest.fixture
def fleet(tmp_path):
    return Fleet(load(tmp_path))


def failed(host, kind="failed", logs=()):
    error = {"step": "start jawn", "message": "jawn exited", "kind": kind, "logs": list(logs)}
    return AgentError(host, error)


def good(_):
    return []


def test_a_good_deploy_switches_data_first_and_asks_the_gate_about_all(fleet):
    gated = []
    touch(fleet.plan, fleet.run, OLD, lambda names: gated.append(list(names)) or [])
    assert fleet.switched() == [("data1", "2-new"), ("app1", "2-new"), ("app2", "2-new")]
    assert gated == [["app1", "app2", "data1"]]


@pytest.mark.fault("F9")
def test_a_failing_host_sends_the_others_back_newest_first(fleet):
    fleet.answers["app2", "switch", "2-new"] = failed("app2", logs=["last line"])
    gated = []
    with pytest.raises(RolledBackError) as caught:
        touch(fleet.plan, fleet.run, OLD, lambda names: gated.append(list(names)) or [])
    assert fleet.switched()[3:] == [("app1", "1-old"), ("data1", "1-old")]
    assert gated == [["app1", "app2", "data1"]]
    [row] = caught.value.failures
    assert (row.host, row.step, row.cause, row.logs, row.in_doubt) == (
        "app2", "start jawn", "jawn exited", ["last line"], False
    )  # fmt: skip
    assert caught.value.exit_code == 5
    assert "every host runs 1-old again" in caught.value.unaffected


def test_what_is_to_be_done_after_an_undo_comes_before_the_old_release_is_verified_and_is_told(fleet):
    fleet.answers["app2", "switch", "2-new"] = failed("app2")
    order = []

    def after_undo():
        order.append(("after", fleet.switched()[3:]))
        return "2 migrations stay"

    with pytest.raises(RolledBackError) as caught:
        touch(fleet.plan, fleet.run, OLD, lambda names: order.append("gate") or [], after_undo)
    assert order == [("after", [("app1", "1-old"), ("data1", "1-old")]), "gate"]
    assert caught.value.unaffected == "every host runs 1-old again, verified; 2 migrations stay"


def test_what_could_not_be_done_after_an_undo_is_told_and_the_old_release_is_verified_all_the_same(fleet):
    fleet.answers["app2", "switch", "2-new"] = failed("app2")
    gated = []

    def after_undo():
        raise failed("data1")

    with pytest.raises(RolledBackError) as caught:
        touch(fleet.plan, fleet.run, OLD, lambda names: gated.append(list(names)) or [], after_undo)
    assert gated == [["app1", "app2", "data1"]]
    assert "is not known" in caught.value.unaffected
    assert [row.host for row in caught.value.failures] == ["app2", "(all)"]


def test_a_doubt_after_an_undo_is_told_with_its_command_and_nothing_is_verified(fleet):
    fleet.answers["app2", "switch", "2-new"] = failed("app2")

    def after_undo():
        row = HostFailure("data1", "restore", "no space left", in_doubt=True)
        raise InDoubtError("the data is not back", [row], next_step="invoke restore")

    with pytest.raises(InDoubtError, match="data1 is not known to be well") as caught:
        touch(fleet.plan, fleet.run, OLD, lambda names: pytest.fail("verified"), after_undo)
    assert (caught.value.unaffected, caught.value.next_step) == ("the data is not back", "invoke restore")
    assert [row.host for row in caught.value.failures] == ["app2", "data1"]


def test_services_that_an_undo_leaves_are_named_in_both_directions(fleet, monkeypatch):
    fleet.answers["app2", "switch", "2-new"] = failed("app2")
    asked = []
    run = replace(fleet.run, undo_without=("jawn", "web"))
    ask = Run.ask

    def noted(self, host, verb, payload=b"", **words):
        if verb == "switch":
            asked.append((words["release"], words["without"], words["undo_without"]))
        return ask(self, host, verb, payload, **words)

    monkeypatch.setattr(Run, "ask", noted)
    with pytest.raises(RolledBackError):
        touch(fleet.plan, run, OLD, good)
    assert {(name, tuple(w), tuple(u)) for name, w, u in asked} == {
        ("2-new", (), ("jawn", "web")), ("1-old", ("jawn", "web"), ("jawn", "web")),
    }  # fmt: skip


def test_after_a_good_deploy_nothing_is_to_be_done(fleet):
    touch(fleet.plan, fleet.run, OLD, good, lambda: pytest.fail("nothing was undone"))


def test_a_first_deploy_that_fails_takes_the_others_off(fleet):
    fleet.answers["app1", "switch"] = failed("app1")
    gated = []
    with pytest.raises(RolledBackError, match="undone"):
        touch(fleet.plan, fleet.run, FIRST, lambda names: gated.append(names) or [])
    assert [verb for _, verb, _ in fleet.asked] == ["switch", "switch", "retire"]
    assert gated == []


def test_checks_that_do_not_hold_send_all_back(fleet):
    results = [[HostFailure("app1", "verify", "port 5432 is open")], []]
    with pytest.raises(RolledBackError) as caught:
        touch(fleet.plan, fleet.run, OLD, lambda _: results.pop(0))
    assert fleet.switched()[3:] == [("app2", "1-old"), ("app1", "1-old"), ("data1", "1-old")]
    assert [row.cause for row in caught.value.failures] == ["port 5432 is open"]


@pytest.mark.parametrize("error", [UnreachableError("the connection was lost"), KeyError("x"), failed("app1")])
def test_a_verification_that_breaks_sends_all_back_too(fleet, error):
    def gate(_):
        if len(fleet.switched()) == 3:
            raise error
        return []

    with pytest.raises(RolledBackError):
        touch(fleet.plan, fleet.run, OLD, gate)
    assert len(fleet.switched()) == 6


def test_a_defect_on_one_host_sends_the_others_back(fleet):
    fleet.answers["app1", "switch", "2-new"] = ZeroDivisionError("oops")
    with pytest.raises(InDoubtError, match="app1 is not known") as caught:
        touch(fleet.plan, fleet.run, OLD, good)
    assert ("data1", "1-old") in fleet.switched()
    assert "ZeroDivisionError: oops" in caught.value.failures[0].cause


@pytest.mark.parametrize("error", [failed("app1", kind="doubt"), UnreachableError("the connection was lost")])
def test_a_host_that_may_be_on_either_release_is_named(fleet, error):
    fleet.answers["app1", "switch", "2-new"] = error
    gated = []
    with pytest.raises(InDoubtError, match="app1 is not known") as caught:
        touch(fleet.plan, fleet.run, OLD, lambda names: gated.append(list(names)) or [])
    assert caught.value.exit_code == 6
    assert "invoke status --env trial" in caught.value.next_step
    assert gated == [["app2", "data1"]]
    assert ("app2", "2-new") not in fleet.switched()


@pytest.mark.fault("F8")
def test_a_host_that_does_not_go_back_is_named_and_the_rest_go_back(fleet):
    fleet.answers["app2", "switch", "2-new"] = failed("app2")
    fleet.answers["app1", "switch", "1-old"] = failed("app1")
    with pytest.raises(InDoubtError, match="app1 is not known"):
        touch(fleet.plan, fleet.run, OLD, good)
    assert fleet.switched()[-1] == ("data1", "1-old")


@pytest.mark.parametrize("broken", [True, False])
def test_an_old_release_that_is_not_well_is_doubt(fleet, broken):
    fleet.answers["app1", "switch", "2-new"] = failed("app1")

    def gate(_):
        if broken:
            raise UnreachableError("the connection was lost")
        return [HostFailure("data1", "verify", "db is not healthy")]

    with pytest.raises(InDoubtError, match="data1"):
        touch(fleet.plan, fleet.run, OLD, gate)


@pytest.mark.fault("F4")
def test_ctrl_c_inside_a_switch_lets_it_finish_and_sends_it_back_with_the_others(fleet):
    fleet.answers["app1", "switch", "2-new"] = ctrl_c
    with pytest.raises(RolledBackError, match="undone") as caught:
        touch(fleet.plan, fleet.run, OLD, good)
    assert fleet.switched() == [("data1", "2-new"), ("app1", "2-new"), ("app1", "1-old"), ("data1", "1-old")]
    assert caught.value.failures[0].cause == "stopped by Ctrl-C"


def test_ctrl_c_while_the_new_release_is_verified_sends_all_back(fleet):
    def gate(_):
        if len(fleet.switched()) == 3:
            raise KeyboardInterrupt
        return []

    with pytest.raises(RolledBackError):
        touch(fleet.plan, fleet.run, OLD, gate)
    assert len(fleet.switched()) == 6


@pytest.mark.fault("F4")
def test_a_second_ctrl_c_names_the_hosts_that_were_not_waited_for(fleet):
    release_host = threading.Event()

    def twice():
        ctrl_c()
        ctrl_c()
        release_host.wait(60)

    fleet.answers["app1", "switch", "2-new"] = twice
    try:
        with pytest.raises(InDoubtError, match="app1, data1 is not known") as caught:
            touch(fleet.plan, fleet.run, OLD, good)
    finally:
        release_host.set()
    assert len(fleet.switched()) == 2
    assert {row.host for row in caught.value.failures if row.in_doubt} == {"app1", "data1"}


def test_ctrl_c_while_going_back_names_what_is_left(fleet):
    fleet.answers["app2", "switch", "2-new"] = failed("app2")
    fleet.answers["data1", "switch", "1-old"] = KeyboardInterrupt()
    with pytest.raises(InDoubtError, match="data1 is not known"):
        touch(fleet.plan, fleet.run, OLD, good)


def test_the_outcome_is_written_on_every_host_that_still_answers(fleet):
    fleet.answers["app2", "switch", "2-new"] = failed("app2")
    fleet.answers["data1", "record"] = UnreachableError("the connection was lost")
    with pytest.raises(RolledBackError):
        carry_out(
            fleet.plan, fleet.run, {name: {"current": "1-old", "interrupted": None} for name in OLD}, "deploy", good
        )
    assert [host for host, verb, _ in fleet.asked if verb == "record"] == ["app1", "app2", "data1"]


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


def test_a_failure_before_the_switch_touches_nothing(fleet):
    fleet.answers["app2", "stage"] = failed("app2", kind="doubt")
    with pytest.raises(RolledBackError, match="stopped at `stage`") as caught:
        prepare(fleet.plan, fleet.run)
    assert fleet.switched() == []
    assert not caught.value.failures[0].in_doubt
    assert "no host was switched" in caught.value.unaffected


def test_a_host_that_cannot_be_prepared_is_a_configuration_error(fleet):
    phase = Phase("prepare", ((PrepareHost("app1", engine=True, compose=None, certificates={}),),))
    fleet.answers["app1", "prepare"] = failed("app1")
    with pytest.raises(ConfigurationError, match="app1: start jawn: jawn exited"):
        prepare(Plan("2-new", fleet.plan.hosts, (phase,), ()), fleet.run)


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
