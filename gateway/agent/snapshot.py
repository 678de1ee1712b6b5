"""What this host is and runs, seen without changing anything."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from . import (
    aside,
    backup_log,
    compose,
    docker_setup,
    edge_state,
    engine,
    exposed,
    firewall,
    guard,
    hardening,
    lease,
    programs,
    schedule,
    sockets,
    standing_still,
    strays,
    upgrading,
)
from .failure import StepFailed
from .store import Store


def take(store: Store, project: str, registries: list[str], images: list[str]) -> dict[str, Any]:
    """Return the facts, the current release with its files as they are now, and the running containers.

    `images` are the references that a deploy will want; the answer says which are not here yet.
    """
    waiting = sockets.waiting()
    facts: dict[str, Any] = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "architecture": os.uname().machine,
        "kernel": os.uname().release,
        "time": time.time(),
        **_memory(),
        "disk_free": _disk_free(store.root),
        "listening": [
            {"address": sockets.address(one.address), "port": one.port} for one in waiting if one.protocol == "tcp"
        ],
        "exposed": exposed.look(waiting),
        "tools": {
            "nftables": firewall.is_installed(),
            "unattended-upgrades": hardening.updates_installed(),
            "apt-get": programs.find("apt-get") is not None,
        },
        "nftables": firewall.kernel_supports(),
        "certificates": {name: docker_setup.registry_certificate(name) for name in registries},
    }
    facts["engine"] = engine.version()
    facts["compose"] = compose.version(store) if facts["engine"] else None
    facts["missing_images"] = [name for name in images if not (facts["engine"] and engine.has_image(name))]
    return {
        "facts": facts,
        **_release(store, project),
        **_running(store, project, facts["engine"]),
        "lease": lease.show(store),
        "backups": {
            "log": backup_log.summary(store),
            "schedule": schedule.look(project),
            "restore_cut_off": aside.is_cut_off(store, project, bool(facts["engine"])),
            "standing_still": standing_still.look(store),
            "upgrade": None if lease.show(store) else upgrading.look(store, project),
        },
        "guard": guard.look(store, project),
        "edge": edge_state.look(project) if facts["engine"] else edge_state.NOTHING,
    }


def _release(store: Store, project: str) -> dict[str, Any]:
    """Return the releases here, and of the current one the manifest, the files as found, and the journal.

    `strayed` are the files outside of the release's folder that are not as it wants them.
    """
    current = store.current()
    manifest, contents = None, {}
    if current:
        try:
            manifest = store.manifest(current)
            contents = {name: _read(store.releases / current / name) for name in manifest["files"]}
        except StepFailed:
            manifest = None
    return {
        "current": current,
        "manifest": manifest,
        "contents": contents,
        "modes": {name: _mode(store.releases / str(current) / name) for name in contents},
        "strayed": strays.altered(store, project, manifest) if manifest else [],
        "releases": store.release_ids(),
        "interrupted": interrupted(store),
        "history": store.lines("history"),
    }


def interrupted(store: Store) -> dict[str, Any] | None:
    """Return the journal's entry of a switch that was begun, did not end, and that nobody is finishing."""
    holder = lease.show(store)
    return None if holder and holder["working"] else store.unfinished()


def _running(store: Store, project: str, engine_version: str | None) -> dict[str, Any]:
    """Return the containers, each with the files that it reads otherwise than its release has them: `misread`."""
    everyone = engine.all_containers(project) if engine_version else []
    return {
        "containers": [
            {**engine.summary(one), "misread": strays.misread(store, one)} for one in engine.serving(everyone)
        ],
        "foreign_containers": strays.containers(project, everyone) if engine_version else [],
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", errors="replace")  # not read_text: line ends are content too
    except OSError:
        return None


def _mode(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_mode & 0o7777:o} {status.st_uid}"


def _memory() -> dict[str, int]:
    """Return total and available memory in bytes, from proc(5) meminfo."""
    values = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        values[name] = int(rest.split()[0]) * 1024
    return {"memory": values["MemTotal"], "memory_available": values["MemAvailable"]}


def _disk_free(folder: Path) -> dict[str, int]:
    """Return the free bytes where releases go, and where Docker keeps images."""
    free = {}
    for name, wanted in (("releases", folder), ("images", Path("/var/lib/docker"))):
        existing = next(path for path in (wanted, *wanted.parents) if path.exists())
        status = os.statvfs(existing)
        free[name] = status.f_bavail * status.f_frsize
    return free
