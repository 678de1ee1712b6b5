"""What is remembered on this host of backups, drills and restores, without asking any repository."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from .store import Store

NAME = "backups"


def note(store: Store, kind: str, identifier: str, started: float, by: str, cause: str = "") -> None:
    """Write down how a `backup`, `drill` or `restore` of a set ended: well without a cause, badly with one.

    A disk that is full must not hide the cause itself, so a line that cannot be written is left out.
    """
    with contextlib.suppress(OSError):
        store.append(
            NAME, kind=kind, set=identifier, outcome="bad" if cause else "good", cause=cause[:500],
            seconds=round(time.time() - started, 1), by=by,
        )  # fmt: skip


def summary(store: Store) -> dict[str, Any] | None:
    """Return of each kind the last good run and, if it came later, the last bad one, with ages in seconds.

    Keys are `backup`, `drill` and `failed_backup`, `failed_drill`; None for a host without any line.
    """
    lines = store.lines(NAME, last=2000)
    if not lines:
        return None
    found: dict[str, Any] = dict.fromkeys(("backup", "drill", "failed_backup", "failed_drill"))
    good: dict[str, dict[str, dict[str, Any]]] = {"backup": {}, "drill": {}}
    now = time.time()
    for line in lines:
        kind, entry = line["kind"], {**line, "age": round(now - line["time"], 1)}
        if kind not in good:
            continue
        good[kind].pop(line["set"], None)  # a set that a drill found bad was never a good one
        if line["outcome"] == "good":
            good[kind][line["set"]] = entry
        found[f"failed_{kind}"] = None if line["outcome"] == "good" else entry
    for kind, entries in good.items():
        found[kind] = list(entries.values())[-1] if entries else None
    return found
