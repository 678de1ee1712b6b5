"""Lines for the operator: one JSON object each, on standard output, never a key or a body."""

from __future__ import annotations

import json
import sys
import threading
import time

_LOCK = threading.Lock()
_LAST: dict[str, float] = {}


def say(level: str, message: str, **details: object) -> None:
    """Print one line; a standard output that is gone is nobody's trouble."""
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "message": message, **details}
    try:
        with _LOCK:
            sys.stdout.write(json.dumps(line, default=str) + "\n")
            sys.stdout.flush()
    except (OSError, ValueError):
        return


def say_at_times(topic: str, level: str, message: str, every: float = 60, **details: object) -> None:
    """Print one line, unless one of this topic was printed in the last `every` seconds."""
    now = time.monotonic()
    with _LOCK:
        if now - _LAST.get(topic, float("-inf")) < every:
            return
        _LAST[topic] = now
    say(level, message, **details)
