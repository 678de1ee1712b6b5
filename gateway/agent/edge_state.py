"""What the edge's services leave on their volumes for an operator to see."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from . import engine

NOTHING: dict[str, Any] = {"authority": "", "keys_age": None, "recorder": None}


def look(project: str) -> dict[str, Any]:
    """Return what is known of a project's edge on this host, without asking its containers.

    `authority` is the certificate (PEM) of the edge's own authority, empty without one; `keys_age` how
    many seconds ago the list of valid Helicone keys was last compared with PostgreSQL; `recorder` what
    the recorder last wrote about itself, with `age` in seconds. None stands for what is not there.
    """
    authority = _read(project, "certificates", "caddy/pki/authorities/local/root.crt")
    checked = _read(project, "keys", "checked")
    return {
        "authority": authority or "",
        "keys_age": round(time.time() - int(checked), 1) if checked else None,
        "recorder": _recorder(_read(project, "recorder", "status.json")),
    }


def _recorder(text: str | None) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(text or "")
        return {**found, "age": round(time.time() - found["time"], 1)}
    except (ValueError, KeyError, TypeError):
        return None


def _read(project: str, volume: str, path: str) -> str | None:
    """Return a file of a named volume as text, None if either is not there."""
    known = engine.ask(f"/volumes/{project}-{volume}")
    try:
        return (Path(known["Mountpoint"]) / path).read_text() if known else None
    except OSError:
        return None
