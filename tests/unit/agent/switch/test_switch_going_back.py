"""Going back to the release before, by itself, whatever fails."""

from __future__ import annotations

import pytest

from gateway.agent import switch as module
from gateway.agent.failure import StepFailed
from tests.unit.agent.switch.switched_host import PROJECT


@pytest.mark.fault("F8")
@pytest.mark.parametrize(
    "error",
    [
        StepFailed("start jawn", "jawn exited with code 1", logs=["boom"]),
        OSError(28, "No space left on device"),
        KeyError("State"),
    ],
)
def test_whatever_fails_the_old_release_is_brought_back(host, error):
    host.switch("1-a")
    host.done.clear()
    host.broken["wait_until_ready", "2-b"] = error
    with pytest.raises(StepFailed) as caught:
        host.switch("2-b", settle_seconds=9)
    assert caught.value.kind == "failed"
    assert str(error.args[-1]).strip("'") in caught.value.message
    assert host.store.current() == "1-a"
    assert host.started() == [("2-b", ["db"]), ("1-a", ["db"]), ("1-a", ["jawn"]), ("1-a", ["edge"])]
    assert host.journal()[-2:] == [("switching", "2-b"), ("undone", "1-a")]


def test_what_an_old_release_is_not_to_start_stands_still_when_it_comes_back(host, monkeypatch):
    halted = []
    monkeypatch.setattr(module.halting, "halt", lambda project, services: halted.append((project, services)))
    host.switch("1-a")
    host.done.clear()
    host.broken["wait_until_ready", "2-b"] = StepFailed("start db", "db exited")
    with pytest.raises(StepFailed):
        host.switch("2-b", undo_without=["jawn", "web"])
    assert host.started() == [("2-b", ["db"]), ("1-a", ["db"]), ("1-a", ["edge"])]
    assert host.done[-1] == ("wait_until_healthy", "1-a", ["edge", "db"])
    host.switch("1-a", without=["jawn"])
    assert halted == [(PROJECT, ["jawn", "web"]), (PROJECT, ["jawn"])]


def test_the_cause_keeps_its_step_and_logs(host):
    host.broken["wait_until_ready", "2-b"] = StepFailed("start jawn", "jawn exited", logs=["boom"])
    with pytest.raises(StepFailed) as caught:
        host.switch("2-b")
    assert (caught.value.step, caught.value.logs) == ("start jawn", ["boom"])


@pytest.mark.fault("F8")
@pytest.mark.parametrize("error", [StepFailed("start jawn", "not again"), OSError("not again")])
def test_a_host_that_cannot_go_back_is_in_doubt(host, error):
    host.switch("1-a")
    host.broken["wait_until_ready", "2-b"] = StepFailed("start jawn", "first")
    host.broken["wait_until_ready", "1-a"] = error
    with pytest.raises(StepFailed, match=r"first; going back to 1-a failed too: .*not again") as caught:
        host.switch("2-b")
    assert caught.value.kind == "doubt"
    assert host.journal()[-1] == ("doubt", "1-a")


def test_a_first_deploy_that_fails_leaves_no_release_running(host):
    host.broken["wait_until_ready", "1-a"] = StepFailed("start db", "db exited")
    with pytest.raises(StepFailed):
        host.switch("1-a")
    assert host.store.current() is None
    assert ("down", "1-a") in host.done
    assert host.journal() == [("switching", "1-a"), ("retiring", None), ("retired", None), ("undone", None)]


def test_a_switch_that_cannot_be_written_down_is_undone(host, monkeypatch):
    host.switch("1-a")
    append = host.store.append

    def full(name, **entry):
        if entry["step"] != "switching":
            raise OSError(28, "No space left on device")
        append(name, **entry)

    monkeypatch.setattr(host.store, "append", full)
    with pytest.raises(StepFailed, match="No space left") as caught:
        host.switch("2-b")
    assert caught.value.kind == "failed"
    assert host.store.current() == "1-a"


def test_after_a_power_cut_a_release_that_fails_leads_back_to_the_last_whole_one(host):
    host.switch("1-a")
    host.store.append("journal", step="switching", release="2-b", previous="1-a")
    host.store.point_to("2-b")  # and then the power went
    host.broken["wait_until_ready", "2-b"] = StepFailed("start jawn", "jawn exited")
    with pytest.raises(StepFailed) as caught:
        host.switch("2-b")
    assert caught.value.kind == "failed"
    assert host.store.current() == "1-a"
    assert host.journal()[-1] == ("undone", "1-a")


@pytest.mark.fault("F16")
def test_after_a_power_cut_in_the_undo_of_an_upgrade_it_still_leads_back_to_where_that_began(host):
    """Not to the newer release that it was on its way from: the set with the data of before does not fit that one."""
    host.switch("1-a")
    module.upgrading.begin(host.store, {"set": "S0", "release": "1-a"})
    host.switch("2-b")
    host.store.append("journal", step="switching", release="1-a", previous="2-b")
    host.broken["wait_until_ready", "2-b"] = StepFailed("start jawn", "jawn exited")
    with pytest.raises(StepFailed):
        host.switch("2-b")
    assert host.store.current() == "1-a"
    assert host.journal()[-1] == ("undone", "1-a")
