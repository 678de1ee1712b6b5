"""The file in which the serving process says every second that it lives, and how it is."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

_FRESH_SECONDS = 5
_COMMIT_SECONDS = 15


def write(path: Path, *, leaving: bool, leader: bool, commit_age: float) -> None:
    """Write how the serving process is; `commit_age` is the age of its last commit in seconds."""
    beat = {
        "uptime": _uptime(),
        "process": os.getpid(),
        "leaving": leaving,
        "leader": leader,
        "commit_age": round(commit_age, 1),
    }
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(beat))
    fresh.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Return what a live process of this container last wrote, empty when there is none."""
    try:
        beat = json.loads(path.read_bytes())
        age = _uptime() - beat["uptime"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(beat) if 0 <= age <= _FRESH_SECONDS else {}


def trouble(path: Path) -> str:
    """Return why the serving process is not healthy, empty when it is: it lives, stays, and its disk takes."""
    beat = read(path)
    if not beat:
        return "the recorder does not run, or its loop stands still"
    if beat["leaving"]:
        return "the recorder is about to end"
    if beat["commit_age"] > _COMMIT_SECONDS:
        return f"the spool was last written {beat['commit_age']} s ago"
    return ""


def end_without_network(path: Path, interface: str) -> str:
    """End the serving process if the container's network is gone, and return why; empty if it is there.

    The network belongs to another container. When that is started anew, this one stays in the network
    that was: only a new start, which follows by the restart policy, brings it into the one that is.
    """
    if not interface or Path("/sys/class/net", interface).exists():
        return ""
    beat = read(path)
    if beat:
        os.kill(beat["process"], signal.SIGKILL)
    return f"the network is gone: there is no {interface}"


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
