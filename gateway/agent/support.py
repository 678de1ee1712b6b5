"""What somebody who is to help needs to see of this host, as texts, with every secret of its releases taken out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import edge_state, engine, snapshot
from .failure import StepFailed
from .redaction import hide
from .store import Store, read_env

LINES = 300  # of each container's log
LARGEST = 1 << 20  # characters of one text
SECONDS = 30  # for each command: a host in trouble may hang
COMMANDS = {
    "docker-ps.txt": ["docker", "ps", "-a", "--no-trunc"],
    "docker-info.txt": ["docker", "info"],
    "docker-stats.txt": ["docker", "stats", "--no-stream", "--all"],
    "docker-volumes.txt": ["docker", "volume", "ls"],
    "docker-networks.txt": ["docker", "network", "ls"],
    "docker-disk.txt": ["docker", "system", "df"],
    "versions.txt": ["sh", "-c", "uname -a; cat /etc/os-release; docker version; docker compose version; python3 -V"],
    "disk.txt": ["sh", "-c", "df -h; df -i"],
    "memory.txt": ["sh", "-c", "cat /proc/loadavg /proc/meminfo /proc/pressure/* 2>/dev/null"],
    "listening.txt": ["sh", "-c", "ss -ltn 2>/dev/null || cat /proc/net/tcp /proc/net/tcp6"],
    "engine-log.txt": [
        "sh",
        "-c",
        "journalctl -u docker -n 200 --no-pager 2>/dev/null || tail -n 200 /var/log/docker.log",
    ],
}


def collect(store: Store, project: str) -> dict[str, str]:
    """Return texts by the name of the file that they are to become.

    What cannot be had is told in the text's place: the host may be broken in any way. The values of
    all secrets that the releases here hold are gone from every text, those of older releases too.
    """
    secrets = secret_values(store)
    texts: dict[str, str] = {}
    for name, content in _parts(store, project):
        texts[name] = hide(content, secrets)[-LARGEST:]
    return texts


def secret_values(store: Store) -> list[str]:
    """Return the values of every secret in every release on this host."""
    values: set[str] = set()
    for release in store.release_ids():
        try:
            values.update(store.environment(release).values())
        except (OSError, StepFailed, ValueError):  # a release that is not whole tells nothing
            continue
    return sorted(values)


def _parts(store: Store, project: str) -> Iterator[tuple[str, str]]:
    for name, command in COMMANDS.items():
        yield name, _output(command)
    for name in ("journal", "history"):
        yield f"{name}.jsonl", "".join(json.dumps(entry) + "\n" for entry in store.lines(name))
    yield "releases.txt", _output(["ls", "-la", str(store.root), str(store.releases), str(store.state)])
    yield from _release(store)
    try:
        containers = engine.all_containers(project)
        yield "edge.json", json.dumps(edge_state.look(project), indent=2)
        yield "interrupted.json", json.dumps(snapshot.interrupted(store), indent=2)
    except (StepFailed, OSError) as error:
        yield "containers.txt", f"not available: {error}\n"
        return
    for container in containers:
        name = str(container["Name"]).lstrip("/")
        yield f"logs/{name}.txt", "\n".join(engine.logs(container["Id"], LINES)) + "\n"
        yield f"containers/{name}.json", json.dumps(_inspected(container), indent=2)


def _release(store: Store) -> Iterator[tuple[str, str]]:
    """Yield the files of the current release; of `.env` the names, and the values that are no secrets."""
    current = store.current()
    if current is None:
        return
    try:
        manifest = store.manifest(current)
    except StepFailed as failure:
        yield "release/manifest.json", f"not available: {failure.message}\n"
        return
    yield "release/manifest.json", json.dumps(manifest, indent=2)
    for name in manifest["files"]:
        if name.endswith(".py"):  # this project's own code, the same everywhere
            continue
        try:
            text = (store.releases / current / name).read_text(errors="replace")
        except OSError as error:
            text = f"not available: {error}\n"
        if Path(name).name == ".env":
            secret = manifest["secret_keys"]
            pairs = read_env(text).items()
            text = "".join(f"{key}={'[redacted]' if key in secret else json.dumps(value)}\n" for key, value in pairs)
        yield f"release/{name}", text


def _inspected(container: dict[str, Any]) -> dict[str, Any]:
    """Return what of a container tells why it is as it is; its environment stays here."""
    settings = container["Config"]
    return {
        "State": container["State"],
        "RestartCount": container.get("RestartCount"),
        "Image": settings["Image"],
        "Command": settings.get("Cmd"),
        "Labels": settings["Labels"],
        "HostConfig": container["HostConfig"],
        "Mounts": container.get("Mounts"),
        "Networks": (container.get("NetworkSettings") or {}).get("Networks"),
    }


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            check=False, timeout=SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"not available: {error}\n"
    return done.stdout.decode(errors="replace")
