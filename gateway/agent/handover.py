"""Replacing a service without a gap: the successor starts beside it, and it finishes its work afterwards.

Both live in one network namespace and listen on the same ports, so nothing is published twice. A
container that is to go is renamed first: whatever its name says `leaving` is no part of the service
any more, though it may run for minutes to finish what it is answering.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

from . import compose, engine, health, strays
from .failure import StepFailed
from .store import Store

Container = dict[str, Any]


def bring_up(
    store: Store, project: str, service: dict[str, Any], timeout: float, redact: compose.Redact, emit: Any
) -> None:
    """Bring one service to the definition of the current release, without a gap where it already runs.

    Raises StepFailed when the successor does not get healthy within `timeout` seconds; it is removed
    then, and the predecessor serves on as if nothing had been.
    """
    name = service["name"]
    _clear_away(project, name)
    present = [one for one in engine.all_containers(project) if engine.service_of(one) == name]
    serving = [one for one in present if not engine.is_leaving(one)]
    stranded = [one for one in serving if _is_stranded(project, one)]
    if stranded or not serving:
        engine.remove(one["Id"] for one in serving)
        leaving = len(present) - len(serving)
        _create(store, project, name, leaving + 1, redact)
        health.wait_until_ready(project, [name], timeout, redact, emit)
        return
    newest = max(serving, key=lambda one: one["Created"])
    if not _is_of(store, newest, service):
        _create(store, project, name, len(present) + 1, redact)
        try:
            health.wait_until_ready(project, [name], timeout, redact, emit)
        except StepFailed:
            known = {one["Id"] for one in present}
            engine.remove(
                one["Id"]
                for one in engine.all_containers(project)
                if engine.service_of(one) == name and one["Id"] not in known
            )
            raise
        emit(event="progress", text=f"{name}: the new one serves, the old one finishes what it is answering")
        _send_away(serving)
        return
    if not newest["State"]["Running"]:
        compose.start(newest["Id"])
    _send_away([one for one in serving if one is not newest])
    health.wait_for_own_check(project, [name], timeout, redact)


def _create(store: Store, project: str, name: str, count: int, redact: compose.Redact) -> None:
    """Add a container of the current definition beside those that are there."""
    arguments = ["up", "--detach", "--no-deps", "--no-build", "--pull", "never", "--no-recreate"]
    command = compose.command(store, project, *arguments, "--scale", f"{name}={count}", name)
    compose.run(command, f"start {name}", redact, lambda _: None)


def _send_away(containers: Sequence[Container]) -> None:
    """Ask containers to finish and stop, and remove them when they have; nobody waits for it."""
    for container in containers:
        identifier = container["Id"]
        seconds = engine.seconds_to_stop(container)
        fresh = f"{container['Name'].lstrip('/')}-{engine.LEAVING}-{identifier[:6]}"
        subprocess.run(["docker", "rename", identifier, fresh], capture_output=True, check=False)
        subprocess.Popen(
            ["sh", "-c", 'docker stop -t "$1" "$2"; docker rm "$2"', "leave", str(seconds), identifier],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


def _clear_away(project: str, name: str) -> None:
    """Remove what is left of predecessors that ended while nobody looked, as after a reboot."""
    engine.remove(
        one["Id"]
        for one in engine.all_containers(project)
        if engine.service_of(one) == name and engine.is_leaving(one) and not one["State"]["Running"]
    )


def _is_of(store: Store, container: Container, service: dict[str, Any]) -> bool:
    """Return whether a container was made as the release says, of its image, and reads its files unedited."""
    if strays.misread(store, container):
        return False
    configured = container["Config"]
    return bool(
        configured["Labels"].get(engine.HASH_LABEL) == service["hash"] and configured["Image"] == service["image"]
    )


def _is_stranded(project: str, container: Container) -> bool:
    """Tell whether the network namespace that a container lives in is no longer its owner's."""
    kind, _, owner = str(container["HostConfig"].get("NetworkMode", "")).partition(":")
    if kind != "container":
        return False
    found = [one for one in engine.all_containers(project) if one["Id"] == owner]
    return not found or found[0]["State"]["StartedAt"] > container["State"]["StartedAt"] > "0001-01-02"
