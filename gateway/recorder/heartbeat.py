"""The file in which the serving process says every second that it lives, and how it is."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

_FRESH_SECONDS = 5
_COMMIT_SECONDS = 15


def write(path: Path, *, listening: bool, leader: bool, commit_age: float) -> None:
    """Write how the serving process is; `commit_age` is the age of its last commit in seconds."""
    beat = {
        "uptime": _uptime(),
        "process": os.getpid(),
        "listening": listening,
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
    """Return why the serving process is not healthy, empty when it is: it lives, listens, and its disk takes."""
    beat = read(path)
    if not beat:
        return "the recorder does not run, or its loop stands still"
    if not beat["listening"]:
        return "the recorder does not listen"
    if beat["commit_age"] > _COMMIT_SECONDS:
        return f"the spool was last written {beat['commit_age']} s ago"
    return ""


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
