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
    """Start the services again that the release here has, and wait until they are healthy; return which.

    The inventory may have given this host a role since, and Compose starts none where it does not know one.
    Raises StepFailed.
    """
    release = store.current()
    manifest = store.manifest(release) if release is not None else {"services": []}
    named = {service["name"] for service in manifest["services"]}
    known = [service for service in services if service in named]
    if release is not None and known:
        redact = compose.redaction(store, release)
        compose.up(store, project, known, redact)
        health.wait_until_ready(project, known, manifest["settings"]["health_timeout"], redact, emit)
    return {"started": known}
