"""All hosts end on the new release, or all that were switched go back, or the doubt is named."""

from __future__ import annotations

import pytest

from gateway.commands.deploy import carry_out
from gateway.errors import HostFailure, InDoubtError, RolledBackError, UnreachableError
from gateway.rollout import touch
from tests.unit.fake_fleet import FIRST, OLD, failed, good
from tests.unit.situations import bare


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


def test_the_outcome_is_written_on_every_host_that_still_answers(fleet):
    fleet.answers["app2", "switch", "2-new"] = failed("app2")
    fleet.answers["data1", "record"] = UnreachableError("the connection was lost")
    with pytest.raises(RolledBackError):
        carry_out(fleet.plan, fleet.run, {name: {**bare(), "current": "1-old"} for name in OLD}, "deploy", good)
    assert [host for host, verb, _ in fleet.asked if verb == "record"] == ["app1", "app2", "data1"]
