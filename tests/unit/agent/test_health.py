"""When a service counts as well, and what is said of one that is not."""

from __future__ import annotations

import pytest

from gateway.agent import engine, health
from gateway.agent.failure import StepFailed

PROJECT = "helicone-trial"


def inspected(service="jawn", status="running", health_status="healthy", **more):
    state = {"Status": status, "ExitCode": 1, "StartedAt": "10:00", **more.pop("state", {})}
    if health_status:
        state["Health"] = {"Status": health_status, "Log": more.pop("log", [])}
    return {
        "Id": f"id-{service}", "RestartCount": 0, "State": state,
        "Config": {"Labels": {"com.docker.compose.service": service}, "Healthcheck": {"Test": ["CMD", "true"]}},
        **more,
    }  # fmt: skip


@pytest.fixture
def looks(monkeypatch):
    """Give the list of what the engine shows, look by look; the last one stays."""
    shown = []
    monkeypatch.setattr(engine, "containers", lambda *_: shown.pop(0) if len(shown) > 1 else shown[0])
    monkeypatch.setattr(engine, "logs", lambda _: ["password hunter22", "last line"])
    monkeypatch.setattr(health.time, "sleep", lambda _: None)
    monkeypatch.setattr(engine, "passes_own_check", lambda _: False)
    return shown


def redact(text):
    return text.replace("hunter22", "[redacted]")


def test_waits_until_all_are_healthy(looks):
    starting = inspected(health_status="starting")
    looks += [[inspected("db"), starting], [inspected("db"), starting], [inspected("db"), inspected()]]
    health.wait_until_healthy(PROJECT, ["db", "jawn"], 60, redact)
    assert len(looks) == 1


def test_one_that_the_engine_has_not_checked_yet_is_healthy_if_its_own_check_passes(looks, monkeypatch):
    """The engine takes a whole interval until its first look."""
    looks += [[inspected(health_status="starting")]]
    monkeypatch.setattr(engine, "passes_own_check", lambda _: True)
    health.wait_until_healthy(PROJECT, ["jawn"], 0, redact)
    health.settle(PROJECT, ["jawn"], 1, redact)
    monkeypatch.setattr(engine, "passes_own_check", lambda _: False)
    with pytest.raises(StepFailed, match="was healthy and then was not"):
        health.settle(PROJECT, ["jawn"], 1, redact)


def test_a_service_without_a_check_need_only_run(looks):
    looks += [[inspected(health_status=None)]]
    health.wait_until_healthy(PROJECT, ["jawn"], 60, redact)


@pytest.mark.fault("F8")
@pytest.mark.parametrize(
    ("container", "words"),
    [
        (inspected(status="exited"), "jawn exited with code 1"),
        (inspected(status="restarting", health_status="starting", RestartCount=2), "jawn keeps exiting"),
        (inspected(health_status="unhealthy"), "jawn is unhealthy"),
    ],
)
def test_one_that_will_not_get_well_fails_at_once_with_its_last_lines(looks, container, words):
    looks += [[container]]
    with pytest.raises(StepFailed, match=words) as caught:
        health.wait_until_healthy(PROJECT, ["jawn"], 60, redact)
    assert caught.value.step == "start jawn"
    assert caught.value.logs == ["password [redacted]", "last line"]


def test_restarts_of_long_ago_do_not_count_against_a_healthy_service(looks):
    looks += [[inspected(RestartCount=7)]]
    health.wait_until_healthy(PROJECT, ["jawn"], 60, redact)


def test_the_deadline_names_the_service_and_what_its_check_said(looks):
    looks += [[inspected(health_status="starting", log=[{"ExitCode": 7, "Output": "refused for hunter22\n"}])]]
    with pytest.raises(StepFailed, match="jawn is not healthy after 0 s") as caught:
        health.wait_until_healthy(PROJECT, ["jawn"], 0, redact)
    assert caught.value.logs[-1] == "healthcheck: refused for [redacted]"


def test_a_container_that_was_never_made(looks):
    looks += [[]]
    with pytest.raises(StepFailed, match="no container of jawn was created"):
        health.wait_until_healthy(PROJECT, ["jawn"], 60, redact)


def test_a_starting_service_whose_own_check_passes_is_ready(looks, monkeypatch):
    looks += [[inspected(health_status="starting")]]
    monkeypatch.setattr(engine, "passes_own_check", lambda _: True)
    events = []
    health.wait_until_ready(PROJECT, ["jawn"], 60, redact, lambda **event: events.append(event))
    assert events == [{"event": "healthy", "service": "jawn"}]


def test_a_service_that_took_up_a_change_is_asked_anew_until_its_own_check_passes(looks, monkeypatch):
    """What the engine saw last may be older than the change."""
    looks += [[inspected(health_status="healthy")]]
    checks = [False, False, True]
    monkeypatch.setattr(engine, "passes_own_check", lambda _: checks.pop(0))
    health.wait_for_own_check(PROJECT, ["jawn"], 60, redact)
    assert checks == []


def test_a_change_that_is_not_taken_up_is_a_failed_step(looks, monkeypatch):
    looks += [[inspected(health_status="healthy", log=[{"ExitCode": 1, "Output": "has not taken up hunter22"}])]]
    monkeypatch.setattr(engine, "passes_own_check", lambda _: False)
    with pytest.raises(StepFailed, match="jawn does not pass its own check after 0 s") as caught:
        health.wait_for_own_check(PROJECT, ["jawn"], 0, redact)
    assert "healthcheck: has not taken up [redacted]" in caught.value.logs


def test_settled_services_pass(looks):
    looks += [[inspected()]]
    health.settle(PROJECT, ["jawn"], 5, redact)


@pytest.mark.fault("F8")
@pytest.mark.parametrize(
    "later",
    [[inspected(health_status="unhealthy")], [inspected(status="exited")], [inspected(state={"StartedAt": "10:01"})]],
)
def test_one_that_dies_young_is_found(looks, later):
    looks += [[inspected()], later]
    with pytest.raises(StepFailed, match="was healthy and then was not"):
        health.settle(PROJECT, ["jawn"], 5, redact)


def test_one_that_vanishes_is_found(looks):
    looks += [[inspected()], []]
    with pytest.raises(StepFailed, match="container of jawn is gone"):
        health.settle(PROJECT, ["jawn"], 5, redact)
