"""Waiting until services are well, and saying what is wrong with one that is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from . import engine
from .failure import StepFailed

Redact = Callable[[str], str]
_TAKEN_UP_SECONDS = 10.0


def wait_until_ready(
    project: str, services: Sequence[str], timeout: float, redact: Redact, emit: Callable[..., None]
) -> None:
    """Wait until every service is healthy, so that what needs it may start, and tell of each.

    Raises StepFailed, with the last lines of the container at fault, when one exits, restarts again and
    again, turns unhealthy, or takes longer than `timeout` seconds.
    """

    def ready(container: dict[str, Any]) -> bool:
        if is_healthy(container):
            emit(event="healthy", service=engine.service_of(container))
            return True
        return False

    _wait(project, services, timeout, redact, ready)


def wait_for_own_check(project: str, services: Sequence[str], timeout: float, redact: Redact) -> None:
    """Wait until each service's own check passes when it is run now: what the engine saw may be older than a change.

    Raises StepFailed with what the check said, when it still fails after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    for container in _of_services(project, services):
        while not engine.passes_own_check(container):
            if time.monotonic() > deadline:
                fail(container, f"does not pass its own check after {timeout:.0f} s", redact)
            time.sleep(0.3)


def wait_until_healthy(project: str, services: Sequence[str], timeout: float, redact: Redact) -> None:
    """Wait until every service is healthy. Raises StepFailed as `wait_until_ready` does."""
    _wait(project, services, timeout, redact, is_healthy)


def settle(project: str, services: Sequence[str], seconds: float, redact: Redact) -> None:
    """Watch healthy services for a while; StepFailed when one is not healthy any more, or was started anew."""
    before = {container["Id"]: container["State"]["StartedAt"] for container in _of_services(project, services)}
    time.sleep(seconds)
    after = _of_services(project, services)
    for container in after:
        if not is_healthy(container) or before.get(container["Id"]) != container["State"]["StartedAt"]:
            fail(container, "was healthy and then was not", redact)
    gone = set(services) - {engine.service_of(container) for container in after}
    if gone:
        raise StepFailed("health", f"the container of {', '.join(sorted(gone))} is gone")


def is_healthy(container: dict[str, Any]) -> bool:
    """Return whether a container runs and its healthcheck, if it has one, passes.

    The engine runs the first check only after a whole interval: one that is still `starting` is asked here.
    """
    if container["State"]["Status"] != "running":
        return False
    health = engine.health(container)
    return health in ("", "none", "healthy") or (health == "starting" and engine.passes_own_check(container))


def fail(container: dict[str, Any], problem: str, redact: Redact) -> None:
    """Raise StepFailed for a container, with its last lines and what its healthcheck said."""
    service = engine.service_of(container)
    lines = [redact(line) for line in engine.logs(container["Id"])]
    checks = (container["State"].get("Health") or {}).get("Log") or []
    if checks and checks[-1]["ExitCode"]:
        lines.append(redact("healthcheck: " + checks[-1]["Output"].strip()[-300:]))
    raise StepFailed(f"start {service}", f"{service} {problem}", logs=lines)


def _wait(
    project: str,
    services: Sequence[str],
    timeout: float,
    redact: Redact,
    is_done: Callable[[dict[str, Any]], bool],
) -> None:
    """Look at the services until each `is_done` once; fail for one that never will be, or at the deadline."""
    deadline = time.monotonic() + timeout
    waiting = set(services)
    while True:
        found = _of_services(project, sorted(waiting))
        missing = waiting - {engine.service_of(container) for container in found}
        if missing:
            raise StepFailed("health", f"no container of {', '.join(sorted(missing))} was created")
        for container in found:
            if is_done(container):
                waiting.discard(engine.service_of(container))
            elif problem := _problem(container):
                fail(container, problem, redact)
            elif time.monotonic() > deadline:
                fail(container, f"is not healthy after {timeout:.0f} s", redact)
        if not waiting:
            return
        time.sleep(0.3)


def wait_until_taken_up(project: str, manifest: dict[str, Any], path: str) -> None:
    """Wait until the running services that read the live file `path` have taken it up, for ten seconds at most.

    Their own healthcheck, given the file's name, tells. One that does not is judged with its health later.
    """
    readers = [service["name"] for service in manifest["services"] if path in service.get("live", ())]
    waiting = [container for container in _of_services(project, readers) if container["State"]["Status"] == "running"]
    deadline, name = time.monotonic() + _TAKEN_UP_SECONDS, path.rpartition("/")[2]
    while waiting and time.monotonic() < deadline:
        waiting = [container for container in waiting if not engine.passes_own_check(container, name)]
        if waiting:
            time.sleep(0.1)


def _of_services(project: str, services: Sequence[str]) -> list[dict[str, Any]]:
    return [c for c in engine.containers(project, services) if engine.service_of(c) in services]


def _problem(container: dict[str, Any]) -> str:
    """Return why a container will not become healthy by waiting, or an empty text."""
    state = container["State"]
    if state["Status"] in ("exited", "dead"):
        return f"exited with code {state['ExitCode']}"
    if container.get("RestartCount", 0) >= 2:
        return f"keeps exiting: {container['RestartCount']} restarts"
    if engine.health(container) == "unhealthy":
        return "is unhealthy"
    return ""
