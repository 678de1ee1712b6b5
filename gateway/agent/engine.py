"""The Docker Engine of this host, asked over its own socket: no process per question."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .failure import StepFailed

SOCKET = "/var/run/docker.sock"
HASH_LABEL = "helicone.content-hash"
LEAVING = "leaving"


def get(path: str) -> tuple[int, bytes]:
    """Return status and body of the engine's answer to `GET path`. Raises OSError, ValueError.

    Asked as HTTP/1.0, which knows no chunks, the engine answers and closes; Python's own client for HTTP
    would cost a host more than all the questions of a snapshot.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect(SOCKET)
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    size = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
    if size and int(size[1]) != len(body):
        raise ValueError("its answer broke off")
    return int(head.split(None, 2)[1]), body


def ask(path: str) -> Any:
    """Return the engine's answer to `GET path`, or None where it says 404.

    Raises StepFailed when the engine does not answer.
    """
    try:
        status, body = get(path)
    except (OSError, ValueError, IndexError) as error:
        raise StepFailed("docker", f"Docker Engine does not answer: {error}", kind="configuration") from error
    if status == 404:
        return None
    if status >= 400:
        raise StepFailed("docker", f"Docker Engine answered {status}: {body.decode(errors='replace').strip()[:500]}")
    return json.loads(body)


def version() -> str | None:
    """Return the engine's version, or None when no engine answers.

    Raises StepFailed when this user may not ask: that is no reason to install one.
    """
    if not Path(SOCKET).exists():
        return None
    if not os.access(SOCKET, os.R_OK | os.W_OK):
        raise StepFailed(
            "docker",
            "this user may not use Docker; run as root, log in as root, or set connection.become",
            kind="configuration",
        )
    try:
        return str(ask("/version")["Version"])
    except StepFailed:
        return None


def containers(project: str, wanted: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Return the inspected containers of a Compose project's services, or of those `wanted`, sorted by service.

    Left out are one-shot runs, and containers that only finish their work beside a successor.
    """
    return serving(all_containers(project, wanted))


def serving(containers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return of inspected containers the newest of each service that is not leaving, sorted by service."""
    newest: dict[str, dict[str, Any]] = {}
    for container in containers:
        service = service_of(container)
        known = newest.get(service)
        if not is_leaving(container) and (known is None or container["Created"] > known["Created"]):
            newest[service] = container
    return [newest[service] for service in sorted(newest)]


def is_leaving(container: dict[str, Any]) -> bool:
    """Tell whether a container was asked to finish because a successor serves."""
    return f"-{LEAVING}-" in container["Name"]


def all_containers(project: str, wanted: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Return the inspected containers of a Compose project, or of its services `wanted`, sorted by service.

    One-shot runs are left out. Who waits for a few services asks for these: every container is a question of its own.
    """
    inspected = [
        ask(f"/containers/{identifier}/json")
        for identifier, service in services(project)
        if wanted is None or service in wanted
    ]
    return sorted((container for container in inspected if container is not None), key=service_of)


def services(project: str) -> list[tuple[str, str]]:
    """Return id and service of each container of a Compose project, one-shot runs left out, by one question."""
    filters = quote(json.dumps({"label": [f"com.docker.compose.project={project}"]}))
    return [
        (str(entry["Id"]), str(entry["Labels"].get("com.docker.compose.service", "")))
        for entry in ask(f"/containers/json?all=1&filters={filters}")
        if entry["Labels"].get("com.docker.compose.oneoff") != "True"
    ]


def service_of(container: dict[str, Any]) -> str:
    """Return the Compose service that an inspected container belongs to."""
    return str(container["Config"]["Labels"].get("com.docker.compose.service", ""))


def summary(container: dict[str, Any]) -> dict[str, Any]:
    """Return what the controller needs to know of an inspected container."""
    state = container["State"]
    ports = []
    for inside, bindings in (container["HostConfig"].get("PortBindings") or {}).items():
        ports += [
            {"inside": inside, "address": binding["HostIp"] or "0.0.0.0", "port": int(binding["HostPort"])}  # noqa: S104
            for binding in bindings or []
        ]
    return {
        "service": service_of(container),
        "id": container["Id"][:12],
        "image": container["Config"]["Image"],
        "state": state["Status"],
        "health": health(container),
        "started": state["StartedAt"],
        "restarts": container.get("RestartCount", 0),
        "hash": container["Config"]["Labels"].get(HASH_LABEL, ""),
        "ports": ports,
    }


def health(container: dict[str, Any]) -> str:
    """Return what the engine's last healthcheck of a container said, empty if it has none."""
    return str((container["State"].get("Health") or {}).get("Status", ""))


def passes_own_check(container: dict[str, Any], *more: str) -> bool:
    """Run the container's healthcheck in it, as the engine would. See Docker's HEALTHCHECK for the two forms."""
    kind, *words = container["Config"]["Healthcheck"]["Test"]
    command = words if kind == "CMD" else ["/bin/sh", "-c", *words]
    try:
        done = subprocess.run(
            ["docker", "exec", container["Id"], *command, *more], capture_output=True, check=False, timeout=10
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def address(container: dict[str, Any]) -> str:
    """Return the container's address on its first network; the host itself can always reach it."""
    for network in container["NetworkSettings"]["Networks"].values():
        if network.get("IPAddress"):
            return str(network["IPAddress"])
    raise StepFailed("docker", f"the container of {service_of(container)} has no address")


def container_of(project: str, service: str) -> dict[str, Any]:
    """Return the inspected container of one service; StepFailed when there is none running."""
    for container in containers(project, [service]):
        if service_of(container) == service and container["State"]["Running"]:
            return container
    raise StepFailed(service, f"no container of {service} is running")


def logs(container: str, lines: int = 20) -> list[str]:
    """Return the last lines that a container printed."""
    done = subprocess.run(
        ["docker", "logs", "--tail", str(lines), container],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout.decode(errors="replace").splitlines()[-lines:]


def has_image(reference: str) -> bool:
    """Return whether an image is here under its digest (`name:tag@sha256:...`)."""
    return image(reference) is not None


def image(reference: str) -> dict[str, Any] | None:
    """Return an image as inspected if it is here under its digest, else None."""
    found: dict[str, Any] | None = ask(f"/images/{quote(by_digest(reference), safe='/:@')}/json")
    return found


def by_digest(reference: str) -> str:
    """Return an image's reference without its tag, as Docker itself knows what was pulled by digest."""
    name, _, digest = reference.partition("@")
    repository = name if "/" in name.rpartition(":")[2] else name.rpartition(":")[0] or name
    return f"{repository}@{digest}"


def seconds_to_stop(container: dict[str, Any]) -> int:
    """Return how long an inspected container may take to finish: its `stop_grace_period`, or else Docker's ten."""
    return int(container["Config"].get("StopTimeout") or 10)


def stop(identifiers: Iterable[str], seconds: str) -> None:
    """Stop containers, each with so many seconds to finish. Raises StepFailed."""
    wanted = list(identifiers)
    if wanted:
        done = subprocess.run(["docker", "stop", "-t", seconds, *wanted], capture_output=True, check=False)
        if done.returncode:
            raise StepFailed(
                "docker", f"containers could not be stopped: {done.stderr.decode(errors='replace')[-300:]}"
            )


def remove(identifiers: Iterable[str]) -> None:
    """Remove containers, running or not; their named volumes stay. Raises StepFailed."""
    wanted = list(identifiers)
    if wanted:
        done = subprocess.run(["docker", "rm", "--force", *wanted], capture_output=True, check=False)
        if done.returncode:
            lines = done.stderr.decode(errors="replace").splitlines()
            raise StepFailed("docker", "containers could not be removed", logs=lines[-20:])
