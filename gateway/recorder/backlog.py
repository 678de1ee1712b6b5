"""What waits in the spool, as delivery reads it and changes it.

Every function works in the caller's transaction. `sent` names the records that may have reached jawn:
it is on disk before the first byte leaves, so that after a crash nothing is sent blindly a second time.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from . import kept
from .record import Record
from .rows import record_of
from .schema import add

_RATE_SECONDS = 60
_AMONG = "seq IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record in the spool without its bodies. `sent` says that it may have reached jawn already."""

    seq: int
    id: str
    created: int
    size: int
    key: str
    sent: bool


def waiting(connection: sqlite3.Connection, after: int, but: Collection[str], limit: int) -> list[Waiting]:
    """Return the next records after a place in the spool, oldest first, but not those of some keys."""
    rows = connection.execute(
        "SELECT seq, id, created, bytes, key, seq IN (SELECT seq FROM sent) FROM record"
        " WHERE seq > ? AND key NOT IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?",
        (after, json.dumps(list(but)), limit),
    )
    return [_waiting(*row) for row in rows]


def oldest_of(connection: sqlite3.Connection, key: str) -> Waiting | None:
    """Return the oldest record of a key, None when none waits."""
    row = connection.execute(
        "SELECT seq, id, created, bytes, key, seq IN (SELECT seq FROM sent) FROM record"
        " WHERE key = ? ORDER BY seq LIMIT 1",
        (key,),
    ).fetchone()
    return _waiting(*row) if row else None


def some_of(connection: sqlite3.Connection, key: str) -> list[int]:
    """Return the first thousand records of a key."""
    return [
        seq for (seq,) in connection.execute("SELECT seq FROM record WHERE key = ? ORDER BY seq LIMIT 1000", (key,))
    ]


def load(connection: sqlite3.Connection, seq: int) -> Record | None:
    """Return a record with its bodies, None when it waits no longer."""
    row = connection.execute("SELECT id, key, about, request, response FROM record WHERE seq = ?", (seq,)).fetchone()
    return record_of(row) if row else None


def mark_sent(connection: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """Write down that these records, where they still wait, may reach jawn from now on."""
    connection.execute(f"INSERT OR IGNORE INTO sent SELECT seq FROM record WHERE {_AMONG}", (json.dumps(list(seqs)),))  # noqa: S608 - no value


def finish(connection: sqlite3.Connection, seqs: Collection[int], shortened: int) -> None:
    """Remove records that Helicone has, and count them once; `shortened` of them went without a whole body."""
    among = json.dumps(list(seqs))
    kept.before_removal(connection, among)
    removed = _remove(connection, among)
    now = int(time.time())
    add(connection, "done_total", removed)
    add(connection, "shortened_total", shortened)
    connection.execute(
        "INSERT INTO done VALUES (?, ?) ON CONFLICT (second) DO UPDATE SET records = records + excluded.records",
        (now, removed),
    )
    connection.execute("DELETE FROM done WHERE second < ?", (now - 2 * _RATE_SECONDS,))


def refuse(connection: sqlite3.Connection, seqs: Collection[int], reason: str, most_bytes: int) -> int:
    """Move records to the dead letters, of which the oldest go beyond `most_bytes`, and return how many."""
    among = json.dumps(list(seqs))
    connection.execute(
        "INSERT OR IGNORE INTO refused SELECT seq, id, created, ?, ?, bytes, key, about, request, response"  # noqa: S608
        f" FROM record WHERE {_AMONG}",
        (time.time(), reason, among),
    )
    removed = _remove(connection, among)
    add(connection, "refused_total", removed)
    connection.execute(
        "DELETE FROM refused WHERE seq IN (SELECT seq FROM"
        " (SELECT seq, sum(bytes) OVER (ORDER BY seq DESC) AS total FROM refused) WHERE total > ?)",
        (most_bytes,),
    )
    return removed


def hold(connection: sqlite3.Connection, key: str) -> None:
    """Write down since when jawn refuses a key."""
    connection.execute("INSERT OR IGNORE INTO held VALUES (?, ?)", (key, time.time()))


def release(connection: sqlite3.Connection, key: str) -> None:
    """Forget that jawn refused a key."""
    connection.execute("DELETE FROM held WHERE key = ?", (key,))


def held(connection: sqlite3.Connection) -> list[str]:
    """Return the keys that jawn refuses."""
    return [key for (key,) in connection.execute("SELECT key FROM held")]


def rate(connection: sqlite3.Connection) -> float:
    """Return how many records a second were finished during the last minute."""
    since = int(time.time()) - _RATE_SECONDS
    row = connection.execute("SELECT sum(records) FROM done WHERE second >= ?", (since,)).fetchone()
    return round((row[0] or 0) / _RATE_SECONDS, 2)


def _waiting(seq: int, identity: str, created: int, size: int, key: str, sent: int) -> Waiting:
    return Waiting(seq, identity, created, size, key, bool(sent))


def _remove(connection: sqlite3.Connection, among: str) -> int:
    """Remove records, whoever else may have done so already, and return how many were there."""
    sizes = [size for (size,) in connection.execute(f"DELETE FROM record WHERE {_AMONG} RETURNING bytes", (among,))]  # noqa: S608
    connection.execute(f"DELETE FROM sent WHERE {_AMONG}", (among,))  # noqa: S608
    add(connection, "waiting", -len(sizes))
    add(connection, "waiting_bytes", -sum(sizes))
    return len(sizes)
