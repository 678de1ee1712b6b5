"""What is to be done after an undo, and which services it leaves, is told with the failure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import HostFailure, InDoubtError, RolledBackError
from gateway.plan.operations import Run
from gateway.rollout import touch
from tests.unit.fake_fleet import OLD, failed, good


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
