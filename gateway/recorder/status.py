"""What the recorder has to say of itself, read from its spool: also when nothing serves."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from . import backlog, heartbeat
from .schema import FILE, count, fact, note, open_spool

_GAPS_SHOWN = 10
_RECENT_SECONDS = 3600
_SAMPLE_SECONDS = 60


def status(folder: Path, beat: Path) -> dict[str, Any]:
    """Return the state of the spool in a folder; `leader` is whether this container's process delivers.

    waiting, waiting_bytes, oldest_seconds: records not yet seen in Helicone. delivered_unconfirmed: how
    many of them may have reached jawn. Totals are since the spool was made. omitted_total: records
    without a whole body. spool_bytes: on disk, of which spool_limit bounds waiting_bytes. Raises
    sqlite3.Error or OSError when the spool cannot be read.
    """
    connection = open_spool(folder)
    try:
        return {**_counts(connection), **_facts(connection), **_disk(folder), "leader": _leads(beat)}
    finally:
        connection.close()


def remember(connection: sqlite3.Connection, spool_limit: int, error: tuple[float, str] | None) -> None:
    """Write down what status shows and no counter holds, in the caller's transaction."""
    note(connection, "spool_limit", str(spool_limit))
    if error is not None:
        note(connection, "last_error", json.dumps([round(error[0], 3), error[1]]))


def publish(connection: sqlite3.Connection, folder: Path, room: dict[str, int]) -> None:
    """Write the state to `status.json` in the spool's folder, for whoever looks at it from outside.

    `time` is when; `room` tells of the mirror's memory; `dropped_recently` and `gaps_recently` count
    what was lost within the last hour.
    """
    state = {**_counts(connection), **_facts(connection), **_disk(folder), **_recent(connection), **room}
    state["time"] = time.time()
    fresh = folder / "status.json.new"
    fresh.write_text(json.dumps(state))
    fresh.replace(folder / "status.json")


def _recent(connection: sqlite3.Connection) -> dict[str, int]:
    """Return what was lost within the last hour, by comparing with the totals of an hour ago."""
    totals = {name: count(connection, f"{name}_total") for name in ("dropped", "gaps")}
    now = time.time()
    kept = json.loads(fact(connection, "lost") or "[]")
    if not kept or now - kept[-1][0] >= _SAMPLE_SECONDS:
        kept.append([now, totals["dropped"], totals["gaps"]])
        kept = [sample for sample in kept if now - sample[0] <= _RECENT_SECONDS + _SAMPLE_SECONDS]
        note(connection, "lost", json.dumps(kept))
    return {"dropped_recently": totals["dropped"] - kept[0][1], "gaps_recently": totals["gaps"] - kept[0][2]}


def _counts(connection: sqlite3.Connection) -> dict[str, Any]:
    oldest = connection.execute("SELECT taken FROM record ORDER BY seq LIMIT 1").fetchone()
    shown = connection.execute("SELECT text FROM gap ORDER BY number DESC LIMIT ?", (_GAPS_SHOWN,)).fetchall()
    return {
        "waiting": count(connection, "waiting"),
        "waiting_bytes": count(connection, "waiting_bytes"),
        "oldest_seconds": round(max(0.0, time.time() - oldest[0]), 1) if oldest else 0.0,
        "delivered_unconfirmed": connection.execute("SELECT count(*) FROM sent").fetchone()[0],
        "keys_refused": connection.execute("SELECT count(*) FROM held").fetchone()[0],
        "taken_total": count(connection, "taken_total"),
        "done_total": count(connection, "done_total"),
        "delivered_per_second": backlog.rate(connection),
        "dropped_total": count(connection, "dropped_total"),
        "refused_total": count(connection, "refused_total"),
        "omitted_total": count(connection, "omitted_total") + count(connection, "shortened_total"),
        "gaps_total": count(connection, "gaps_total"),
        "gaps_last": [json.loads(text) for (text,) in shown],
        "unreadable_lines_total": count(connection, "unreadable_lines_total"),
    }


def _facts(connection: sqlite3.Connection) -> dict[str, Any]:
    at, error = json.loads(fact(connection, "last_error") or "[null, null]")
    return {
        "spool_limit": int(fact(connection, "spool_limit") or 0),
        "last_error": error,
        "last_error_at": at,
    }


def _disk(folder: Path) -> dict[str, int]:
    return {"spool_bytes": sum(path.stat().st_size for path in folder.glob(f"{FILE}*"))}


def _leads(beat: Path) -> bool:
    return bool(heartbeat.read(beat).get("leader"))
