"""Records on disk: taken in batches by one thread, kept until ClickHouse shows them.

A record counts as taken once the commit that holds it has returned. Beyond the bounds of the disk and of
the spool itself, records are dropped and counted. Two processes may have the same spool open.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from . import kept as kept_records
from . import log
from .record import Record
from .rows import INSERT, Row, row_of
from .rush import Rush
from .schema import add, count, end_for_damage, is_damage, open_or_replace
from .settings import Settings

Change = Callable[[sqlite3.Connection], None]
_BATCH_SECONDS = 0.02
_RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Entry:
    """Records and a change that come into one commit, and what is set when they are on disk."""

    rows: list[Row]
    omitted: int
    change: Change
    made: threading.Event


class Spool:
    """The writer's side of the spool. Everything that changes it goes through the one writer thread.

    `committed` is when (monotonic) the last commit returned: proof that the disk takes what is written.
    `rush` tells whether delivery has to wait.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = open_or_replace(settings.folder)
        self._ready = threading.Condition()
        self._entries: deque[_Entry] = deque()
        self._closing = False
        self._disk_seen = float("-inf")
        self._disk_has_room = True
        self.committed = time.monotonic()
        self.rush = Rush(settings.pace.rush)
        self._thread = threading.Thread(target=self._write_all, name="spool-writer", daemon=True)
        self._thread.start()

    def take(self, *records: Record, change: Change = lambda _: None) -> threading.Event:
        """Have records written, and a change made with them, in one commit; return what is set once that is on disk.

        It is tried again when the commit fails; what comes first is written first. The change has to bear
        being made twice in a transaction that is rolled back.
        """
        now = time.time()
        rows = [row_of(record, now) for record in records]
        entry = _Entry(rows, sum(bool(record.omitted) for record in records), change, threading.Event())
        for _ in rows:
            self.rush.note()
        with self._ready:
            self._entries.append(entry)
            self._ready.notify()
        return entry.made

    def change(self, change: Change) -> threading.Event:
        """Have a change made in one of the next commits and return what is set once that is on disk."""
        return self.take(change=change)

    def close(self, timeout: float = 30) -> None:
        """Write what is queued, then close; what is not written in time is said."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.say("error", "the spool could not be written before the end", entries=len(self._entries))

    def _write_all(self) -> None:
        """Commit what is queued, again and again, until the spool is closed and nothing is left."""
        while True:
            with self._ready:
                while not (self._entries or self._closing):
                    self._ready.wait()
                closing = self._closing
                if not self._entries:
                    self._connection.close()
                    return
            if not closing:
                time.sleep(_BATCH_SECONDS)  # others may share this commit
            with self._ready:
                entries = list(self._entries)
                self._entries.clear()
            self._write(entries)
            for entry in entries:
                entry.made.set()

    def _write(self, entries: list[_Entry], unwritable: int = 0) -> None:
        """Commit entries, however often that has to be tried. What alone cannot be written is dropped and said."""
        while True:
            try:
                self._commit(entries, unwritable)
                break
            except sqlite3.OperationalError as error:
                self._roll_back()
                log.say_at_times("write", "error", f"the spool cannot be written, trying again: {error}")
                time.sleep(_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - one bad entry must not end the writer
                if is_damage(error):
                    end_for_damage(self._settings.folder, error)
                self._roll_back()
                if len(entries) > 1:
                    for entry in entries:
                        self._write([entry])
                    return
                log.say("error", f"an entry cannot be written to the spool: {type(error).__name__}: {error}")
                good = [row for row in entries[0].rows if self._can_be_written(row)]
                if len(good) == len(entries[0].rows):
                    break  # it is the change that fails: nothing of this entry is done
                unwritable = len(entries[0].rows) - len(good)
                entries = [replace(entries[0], rows=good)]

    def _commit(self, entries: list[_Entry], unwritable: int) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        rows = [row for entry in entries for row in entry.rows]
        kept = self._within_bounds(rows)
        connection.executemany(INSERT, kept)
        add(connection, "waiting", len(kept))
        add(connection, "waiting_bytes", sum(row[3] for row in kept))
        add(connection, "taken_total", len(kept))
        add(connection, "dropped_total", unwritable + len(rows) - len(kept))
        add(connection, "omitted_total", sum(entry.omitted for entry in entries))
        for entry in entries:
            entry.change(connection)
        connection.execute("COMMIT")
        self.committed = time.monotonic()

    def _can_be_written(self, row: Row) -> bool:
        """Try to write one row, and leave nothing of it."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(INSERT, row)
        except sqlite3.OperationalError:
            return True  # the disk or a lock, not the row
        except Exception:  # noqa: BLE001 - whatever it is, the others are not to suffer from it
            return False
        finally:
            self._roll_back()
        return True

    def _within_bounds(self, rows: list[Row]) -> list[Row]:
        """Return the rows for which there is room in the spool and on its disk."""
        if not rows:
            return rows
        if not self._room_on_disk():
            log.say_at_times("disk", "error", "records dropped: the disk of the spool is nearly full")
            return []
        room = self._settings.spool_bytes - count(self._connection, "waiting_bytes")
        kept_records.make_room(self._connection, room - sum(row[3] for row in rows))
        kept = []
        for row in rows:
            if row[3] <= room:
                kept.append(row)
                room -= row[3]
        if len(kept) < len(rows):
            log.say_at_times("bound", "error", "records dropped: the spool is full", limit=self._settings.spool_bytes)
        return kept

    def _room_on_disk(self) -> bool:
        now = time.monotonic()
        if now - self._disk_seen > 1:
            disk = os.statvfs(self._settings.folder)
            self._disk_has_room = disk.f_bavail * disk.f_frsize >= self._settings.disk_free_bytes
            self._disk_seen = now
        return self._disk_has_room

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
