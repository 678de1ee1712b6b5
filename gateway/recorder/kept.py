"""Records that Helicone has, kept for a while all the same: its stores may go back to what they held before.

An upgrade asks for it before it takes its backup. When that is restored, what was delivered since is
gone from Helicone, and comes `again` from here. What is kept and what waits share the bound of the spool, and
what waits comes first.
"""

from __future__ import annotations

import sqlite3

from .schema import add, count, fact, note

_KEEPING, _BYTES, _LEFT_OUT = "keeping", "kept_bytes", "kept_left_out"
_TABLE = """CREATE TABLE IF NOT EXISTS kept (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, created INTEGER NOT NULL, taken REAL NOT NULL, bytes INTEGER NOT NULL,
    key TEXT NOT NULL, about TEXT NOT NULL, request BLOB NOT NULL, response BLOB NOT NULL
)"""
_AT_ONCE = 100  # records moved in one commit, so that who takes records never waits for long
_COLUMNS = "id, created, taken, bytes, key, about, request, response"


def keep(connection: sqlite3.Connection) -> dict[str, int]:
    """Keep from now on what Helicone has. What was kept before stays, should an earlier request be unsettled."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_TABLE)
    note(connection, _KEEPING, "1")
    connection.execute("COMMIT")
    return {}


def again(connection: sqlite3.Connection) -> dict[str, int]:
    """Deliver what was kept once more, and keep nothing any longer.

    Returns how many records those are (`again`), and of how many there was no room to keep them
    (`left_out`). Each is looked for before it is sent: what Helicone still has does not reach it twice.
    """
    left_out = _keep_no_more(connection)
    total = 0
    while True:
        connection.execute("BEGIN IMMEDIATE")
        last = connection.execute("SELECT coalesce(max(seq), 0) FROM record").fetchone()[0]
        moved = connection.execute(
            f"INSERT INTO record ({_COLUMNS}) SELECT {_COLUMNS} FROM kept ORDER BY number LIMIT ?",  # noqa: S608 - no value
            (_AT_ONCE,),
        ).rowcount
        connection.execute("INSERT OR IGNORE INTO sent SELECT seq FROM record WHERE seq > ?", (last,))
        add(connection, "waiting", moved)
        add(connection, "waiting_bytes", sum(_remove_some(connection)))
        connection.execute("COMMIT")
        total += moved
        if moved < _AT_ONCE:
            return {"again": total, "left_out": left_out}


def let_go(connection: sqlite3.Connection) -> dict[str, int]:
    """Keep nothing any longer; what Helicone has is its own."""
    _keep_no_more(connection)
    while True:
        connection.execute("BEGIN IMMEDIATE")
        removed = _remove_some(connection)
        connection.execute("COMMIT")
        if not removed:
            return {}


def before_removal(connection: sqlite3.Connection, among: str) -> None:
    """Keep the records with the numbers in the JSON list `among` if that is asked for, in the caller's transaction."""
    if not fact(connection, _KEEPING):
        return
    numbers = "seq IN (SELECT value FROM json_each(?))"
    found, size = connection.execute(
        f"SELECT count(*), coalesce(sum(bytes), 0) FROM record WHERE {numbers}",  # noqa: S608 - no value
        (among,),
    ).fetchone()
    # What is removed now makes room in the bound for what is kept of it.
    used = count(connection, _BYTES) + count(connection, "waiting_bytes")
    if used > int(fact(connection, "spool_limit") or 0):
        add(connection, _LEFT_OUT, found)
        return
    connection.execute(
        f"INSERT INTO kept ({_COLUMNS}) SELECT {_COLUMNS} FROM record WHERE {numbers}",  # noqa: S608 - no value
        (among,),
    )
    add(connection, _BYTES, size)


def make_room(connection: sqlite3.Connection, most: int) -> None:
    """Let the oldest of what is kept go until it has no more than `most` bytes, in the caller's transaction."""
    while count(connection, _BYTES) > max(most, 0):
        add(connection, _LEFT_OUT, len(_remove_some(connection)))


def _keep_no_more(connection: sqlite3.Connection) -> int:
    """Keep nothing from now on, and return how many records there was no room for."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_TABLE)
    note(connection, _KEEPING, "")
    left_out = count(connection, _LEFT_OUT)
    add(connection, _LEFT_OUT, -left_out)
    connection.execute("COMMIT")
    return left_out


def _remove_some(connection: sqlite3.Connection) -> list[int]:
    """Remove the oldest of what is kept, in the caller's transaction, and return the size of each."""
    oldest = "number IN (SELECT number FROM kept ORDER BY number LIMIT ?)"
    rows = connection.execute(f"DELETE FROM kept WHERE {oldest} RETURNING bytes", (_AT_ONCE,))  # noqa: S608 - no value
    sizes = [int(one) for (one,) in rows]
    add(connection, _BYTES, -sum(sizes))
    return sizes
