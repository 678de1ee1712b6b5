"""What this host's services stand still for while the stores, which may be on another host, are filled anew.

The note outlives a command that was cut off, so that nobody starts them on half of a set by a look at this host alone.
"""

from __future__ import annotations

import json
import time
from typing import Any

from .store import Store, write_private

FILE = "standing-still.json"


def note(store: Store, reason: str) -> None:
    """Write down what services are about to stand still for, and since when."""
    since = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    write_private(store.state / FILE, json.dumps({"reason": reason, "since": since}).encode())


def look(store: Store) -> dict[str, Any] | None:
    """Return the `reason` and `since` that `note` wrote, None where nothing stands still for the stores."""
    try:
        found: dict[str, Any] = json.loads((store.state / FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return found


def clear(store: Store) -> None:
    """Say that the stores are whole: services may start."""
    (store.state / FILE).unlink(missing_ok=True)
