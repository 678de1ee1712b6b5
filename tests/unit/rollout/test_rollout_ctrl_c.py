"""Ctrl-C: what has begun is finished and goes back with the others; who is not waited for is named."""

from __future__ import annotations

import threading

import pytest

from gateway.errors import InDoubtError, RolledBackError
from gateway.rollout import touch
from tests.unit.ctrl_c import ctrl_c
from tests.unit.fake_fleet import OLD, failed, good


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
