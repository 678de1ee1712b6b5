"""Containers as a verification needs them: everything that matters, no value of any variable."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.agent import engine
from gateway.agent.engine import service_of

__all__ = ["address", "describe", "of_project", "others", "service_of", "value_hash", "variables"]

_SECRET_NAME = re.compile(r"PASSWORD|SECRET|KEY|TOKEN", re.IGNORECASE)


def of_project(project: str) -> list[dict[str, Any]]:
    """Return the inspected containers of a project. Raises StepFailed when the engine does not answer."""
    return engine.containers(project)


def others(project: str) -> list[dict[str, Any]]:
    """Return the running containers of this host outside of the project: name, networks, published ports."""
    found = []
    for entry in engine.ask("/containers/json"):
        labels = entry["Labels"] or {}
        if labels.get("com.docker.compose.project") == project:
            continue
        published = [
            {"address": port.get("IP", ""), "port": port["PublicPort"], "inside": port["PrivatePort"]}
            for port in entry["Ports"]
            if port.get("PublicPort")
        ]
        found.append({
            "name": entry["Names"][0].lstrip("/"),
            "environment": labels.get("com.docker.compose.project", "") if engine.HASH_LABEL in labels else "",
            "networks": sorted(entry["NetworkSettings"]["Networks"]),
            "published": published,
        })  # fmt: skip
    return found


def describe(container: dict[str, Any], defaults: list[str]) -> dict[str, Any]:
    """Return one container: `engine.summary` and how it was made; variables only as hashes.

    One that the engine has not checked yet is asked by its own healthcheck, and `healthy` if that passes.
    `environment` holds `value_hash` of each variable, `defaults` the names of the
    variables whose value is, or contains as a password, one of the publicly known `defaults`.
    """
    configured = container["HostConfig"]
    values = variables(container)
    state = container["State"]
    return {
        **engine.summary(container),
        "health": _health(container),
        "name": container["Name"].lstrip("/"),
        "long_id": container["Id"],
        "exit_code": state["ExitCode"],
        "restart": configured["RestartPolicy"]["Name"],
        "memory": configured["Memory"],
        "cpus": _cpus(configured),
        "logging": {"driver": configured["LogConfig"]["Type"], **(configured["LogConfig"]["Config"] or {})},
        "security": configured.get("SecurityOpt") or [],
        "privileged": configured["Privileged"],
        "network_mode": configured["NetworkMode"],
        "networks": sorted(container["NetworkSettings"]["Networks"]),
        "environment": {name: value_hash(value) for name, value in values.items()},
        "defaults": sorted(name for name, value in values.items() if _has_default(name, value, defaults)),
        "mounts": [_mount(mount, state["Pid"]) for mount in container["Mounts"]],
    }


def _health(container: dict[str, Any]) -> str:
    found = engine.health(container)
    runs = container["State"]["Status"] == "running"
    return "healthy" if found == "starting" and runs and engine.passes_own_check(container) else found


def variables(container: dict[str, Any]) -> dict[str, str]:
    """Return the environment that the engine gives to every process of a container."""
    return dict(entry.split("=", 1) for entry in container["Config"]["Env"] or [] if "=" in entry)


def address(service: str, by_service: dict[str, dict[str, Any]]) -> str:
    """Return a service's address on this host; one that lives in another's network is found there.

    Raises StepFailed or KeyError when it has none.
    """
    container = by_service[service]
    mode = container["HostConfig"]["NetworkMode"]
    if mode.startswith("container:"):
        for owner in by_service.values():
            if owner["Id"].startswith(mode.partition(":")[2]):
                return engine.address(owner)
    return engine.address(container)


def _cpus(configured: dict[str, Any]) -> float:
    """Return the processor limit, however it was given: as a number of CPUs, or as quota and period."""
    if configured.get("NanoCpus"):
        return float(configured["NanoCpus"]) / 1e9
    return float(configured.get("CpuQuota", 0)) / (configured.get("CpuPeriod") or 100_000)


def _mount(mount: dict[str, Any], process: int) -> dict[str, Any]:
    """Return a mount; of a mounted file also the hash of what the container's process sees."""
    seen = ""
    if mount["Type"] == "bind" and process:
        with suppress(OSError):  # a folder, or not ours to read
            seen = hashlib.sha256(Path(f"/proc/{process}/root{mount['Destination']}").read_bytes()).hexdigest()
    return {
        "type": mount["Type"], "name": mount.get("Name", ""), "source": mount.get("Source", ""),
        "destination": mount["Destination"], "writable": mount["RW"], "sha256": seen,
    }  # fmt: skip


def value_hash(value: str) -> str:
    """Return what stands for a variable's value: enough to compare, not to know it."""
    return hashlib.sha256(value.encode()).hexdigest()[:16]


def _has_default(name: str, value: str, defaults: list[str]) -> bool:
    return any(candidate.strip().lower() in defaults for candidate in _secrets_in(name, value) if candidate)


def _secrets_in(name: str, value: str) -> list[str]:
    """Return the parts of a variable that are secrets: itself by its name, a URL's password, JSON's members."""
    if "://" in value:
        try:
            return [urlsplit(value).password or ""]
        except ValueError:
            return []
    if value.startswith("{"):
        try:
            members = json.loads(value)
        except ValueError:
            return []
        return [str(member) for key, member in members.items() if _SECRET_NAME.search(key)]
    return [value, *value.strip('"').split(",")] if _SECRET_NAME.search(name) else []
