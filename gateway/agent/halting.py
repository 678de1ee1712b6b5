"""Stopping services of the running release for a while, and starting them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import compose, engine, health
from .store import Store

_SECONDS = "60"  # jawn finishes what it records in 30
Emit = Callable[..., None]


def halt(project: str, services: list[str]) -> dict[str, Any]:
    """Stop the containers of some services, each in its own time; return which of them were running."""
    running = [
        container for container in engine.containers(project)
        if engine.service_of(container) in services and container["State"]["Running"]
    ]  # fmt: skip
    engine.stop([container["Id"] for container in running], _SECONDS)
    return {"stopped": [engine.service_of(container) for container in running]}


def resume(store: Store, project: str, services: list[str], emit: Emit) -> dict[str, Any]:
    """Start the services again and wait until they are healthy. Raises StepFailed."""
    release = store.current()
    if release is not None and services:
        redact = compose.redaction(store, release)
        compose.up(store, project, services, redact)
        timeout = store.manifest(release)["settings"]["health_timeout"]
        health.wait_until_ready(project, services, timeout, redact, emit)
    return {"started": services}
