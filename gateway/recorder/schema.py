"""The tables of the spool, and how a connection to them is opened."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import NoReturn

from . import log

FILE = "spool.sqlite"
_MARK = "damaged"  # beside it: damage that a process met while it wrote
BUSY_SECONDS = 10
_TABLES = """
CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL, created INTEGER NOT NULL, taken REAL NOT NULL, bytes INTEGER NOT NULL, key TEXT NOT NULL,
    about TEXT NOT NULL, request BLOB NOT NULL, response BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sent (seq INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS held (key TEXT PRIMARY KEY, since REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL, created INTEGER NOT NULL, refused REAL NOT NULL, reason TEXT NOT NULL, bytes INTEGER NOT NULL,
    key TEXT NOT NULL, about TEXT NOT NULL, request BLOB NOT NULL, response BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS done_file (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS done (second INTEGER PRIMARY KEY, records INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


def open_spool(folder: Path) -> sqlite3.Connection:
    """Return a connection to the spool in a folder, both made if absent, for this user alone.

    Every commit is on disk before it returns (synchronous=FULL); a second process may have the spool
    open too. Transactions are the caller's. Raises sqlite3.Error or OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE
    # Never opened besides SQLite once it is there: closing a descriptor of it would end this process's locks
    # on it (https://www.sqlite.org/howtocorrupt.html, section 2.2), and the other process would spoil the file.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    if connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'done_file'").fetchone()[0] == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT")
    return connection


def open_or_replace(folder: Path) -> sqlite3.Connection:
    """Return a connection to the spool; one that is damaged is set aside for a new one, and that is said.

    Raises sqlite3.Error or OSError.
    """
    mark = folder / _MARK
    try:
        if not mark.exists():
            return open_spool(folder)
        reason = mark.read_text()
    except sqlite3.OperationalError:
        raise  # the disk or a lock, not the file
    except sqlite3.DatabaseError as error:
        reason = str(error)
    aside = folder / f"damaged-{int(time.time())}"
    aside.mkdir(mode=0o700)
    for path in folder.glob(f"{FILE}*"):
        path.rename(aside / path.name)
    mark.unlink(missing_ok=True)
    log.say("error", f"the spool is damaged and was set aside: {reason}", folder=aside.name)
    return open_spool(folder)


def is_damage(error: Exception) -> bool:
    """Tell whether an error of SQLite is about the file itself, and not about what was to be done with it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def end_for_damage(folder: Path, error: Exception) -> NoReturn:
    """End this process at once; the next one sets the spool aside. All that was not committed is still to be taken."""
    log.say("error", f"the spool is damaged: {error}")
    with contextlib.suppress(OSError):  # then the next one meets it, too
        (folder / _MARK).write_text(str(error))
    os._exit(1)


def add(connection: sqlite3.Connection, name: str, amount: int) -> None:
    """Add to a counter, in the caller's transaction."""
    if amount:
        connection.execute(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (name, amount),
        )


def count(connection: sqlite3.Connection, name: str) -> int:
    """Return what a counter has come to, 0 when nothing was counted."""
    row = connection.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def note(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Write a fact down over the former one, in the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))


def fact(connection: sqlite3.Connection, name: str) -> str:
    """Return a fact, empty when it was never written."""
    row = connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""
