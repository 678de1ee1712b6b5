"""Taking away what a release does not have on this host: in good order, and each container in its own time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import edge_state, engine

_DELIVERING = 60  # seconds for what the gateway's last answers left
_SILENT = 30  # seconds after which a recorder says nothing any more
_WRITTEN = 2  # seconds after the gateway's end that a recorder knows of all that it left
Emit = Callable[..., None]
Container = dict[str, Any]


def remove_others(project: str, services: Sequence[str], emit: Emit) -> None:
    """Stop the containers of services that the release does not have on this host, and remove them.

    The recorder ends after the gateway, whose last answers it takes down and delivers, the jawn that takes them after
    it, and whoever owns a network after those that live in it. Records that Helicone does not take within a minute stay
    in the recorder's volume; `emit` tells how many. Raises StepFailed.
    """
    surplus = {service for _, service in engine.services(project)}.difference(services)
    if not surplus:
        return
    emit(event="step", text=f"stop {', '.join(sorted(surplus))}: each may finish what it is answering")
    going = engine.all_containers(project, surplus)
    owners = {one["HostConfig"]["NetworkMode"].partition(":")[2] for one in going}
    last = [one for one in going if one["Id"] in owners]
    recorders = [one for one in going if engine.service_of(one) == "recorder"]
    takers = [one for one in going if engine.service_of(one) == "jawn" and recorders]
    _stop([one for one in going if one not in (*last, *recorders, *takers)])
    if recorders:
        _wait_until_delivered(project, emit)
    _stop(recorders)
    _stop([*takers, *last])
    # What still left when this began is removed by whoever sent it away: gateway/agent/handover.py.
    engine.remove(one["Id"] for one in going if not (engine.is_leaving(one) and one["State"]["Running"]))


def _stop(containers: Sequence[Container]) -> None:
    """Stop containers side by side, each in its own time; one that cannot be stopped is removed all the same."""
    stopping = [
        subprocess.Popen(
            ["docker", "stop", "-t", str(engine.seconds_to_stop(one)), one["Id"]],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for one in containers
    ]  # fmt: skip
    for process in stopping:
        process.wait()


def _wait_until_delivered(project: str, emit: Emit) -> None:
    """Wait until Helicone has what the recorder took down, for as long as that may take, and tell what it has not."""
    begun = time.monotonic()
    while True:
        found = edge_state.look(project)["recorder"]
        passed = time.monotonic() - begun
        if not found or (not found["waiting"] and found["age"] <= passed - _WRITTEN):
            return
        if passed >= _DELIVERING or found["age"] > _SILENT:
            break
        time.sleep(1)
    if found["waiting"]:
        text = f"{found['waiting']} records wait for Helicone in the volume {project}-recorder, and stay there"
        emit(event="step", text=f"{text}: a recorder on this host would deliver them")
