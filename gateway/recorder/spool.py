"""Records on disk: taken in batches by one thread, kept until ClickHouse shows them.

A record counts as taken once the commit that holds it has returned. Whoever takes never waits: beyond
the bounds of the memory before the disk, of the disk, and of the spool itself, records are dropped and
counted. Two processes may have the same spool open.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable

from . import log
from .record import Record
from .rows import INSERT, Row, row_of
from .rush import Rush
from .schema import add, count, open_or_replace
from .settings import Settings

Change = Callable[[sqlite3.Connection], None]
_QUEUE_RECORDS = 50_000
_BATCH_RECORDS = 1_000
_BATCH_BYTES = 32 << 20
_BATCH_SECONDS = 0.02
_RETRY_SECONDS = 0.5


class Spool:
    """The writer's side of the spool. Everything that changes it goes through the one writer thread.

    `committed` is when (monotonic) the last commit returned: proof that the disk takes what is written.
    `rush` tells whether delivery has to wait.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = open_or_replace(settings.folder)
        self._ready = threading.Condition()
        self._records: deque[Row] = deque()
        self._changes: deque[tuple[Change, threading.Event]] = deque()
        self._queued_bytes = 0
        self._dropped = 0
        self._closing = False
        self._disk_seen = float("-inf")
        self._disk_has_room = True
        self.committed = time.monotonic()
        self.rush = Rush(settings.pace.rush)
        self._thread = threading.Thread(target=self._write_all, name="spool-writer", daemon=True)
        self._thread.start()

    def take(self, record: Record) -> None:
        """Queue a record for the disk, or drop and count it when the queue is full. Never waits for the disk."""
        row = row_of(record, time.time())
        self.rush.note()
        with self._ready:
            full = self._queued_bytes + row[3] > self._settings.queue_bytes or len(self._records) >= _QUEUE_RECORDS
            if full or self._closing:
                self._dropped += 1
            else:
                self._records.append(row)
                self._queued_bytes += row[3]
                self._ready.notify()
        if record.omitted:
            self.change(lambda connection: add(connection, "omitted_total", 1))
        if full:
            log.say_at_times("queue", "error", "records dropped: the disk does not keep up with what is recorded")

    def change(self, change: Change) -> threading.Event:
        """Have a change made in one of the next commits and return what is set once that is on disk.

        The change is made again when the commit fails; changes are made in the order they came.
        """
        made = threading.Event()
        with self._ready:
            self._changes.append((change, made))
            self._ready.notify()
        return made

    def close(self, timeout: float = 30) -> None:
        """Write what is queued, then close; what is not written in time is lost and said."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.say("error", "records lost: the spool could not be written before the end", records=len(self._records))

    def _write_all(self) -> None:
        """Commit what is queued, again and again, until the spool is closed and nothing is left."""
        while True:
            with self._ready:
                while not (self._records or self._changes or self._closing):
                    self._ready.wait()
                closing = self._closing
                if not (self._records or self._changes):
                    self._connection.close()
                    return
            if not closing:
                time.sleep(_BATCH_SECONDS)  # others may share this commit
            rows, changes = self._next_batch()
            self._write(rows, [change for change, _ in changes])
            for _, made in changes:
                made.set()

    def _next_batch(self) -> tuple[list[Row], list[tuple[Change, threading.Event]]]:
        rows: list[Row] = []
        size = 0
        with self._ready:
            while self._records and len(rows) < _BATCH_RECORDS and size < _BATCH_BYTES:
                rows.append(self._records.popleft())
                size += rows[-1][3]
            changes = list(self._changes)
            self._changes.clear()
        return rows, changes

    def _write(self, rows: list[Row], changes: list[Change]) -> None:
        """Commit a batch, however often that has to be tried. What alone cannot be written is dropped and said."""
        while True:
            try:
                self._commit(rows, changes)
                break
            except sqlite3.OperationalError as error:
                self._roll_back()
                log.say_at_times("write", "error", f"the spool cannot be written, trying again: {error}")
                time.sleep(_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - one bad entry must not end the writer
                self._roll_back()
                if len(rows) + len(changes) > 1:
                    for row in rows:
                        self._write([row], [])
                    for change in changes:
                        self._write([], [change])
                    return
                self._dropped += len(rows)
                log.say("error", f"an entry cannot be written to the spool: {type(error).__name__}: {error}")
                break
        with self._ready:
            self._queued_bytes -= sum(row[3] for row in rows)

    def _commit(self, rows: list[Row], changes: list[Change]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        kept = self._within_bounds(rows)
        if kept:
            connection.executemany(INSERT, kept)
            ids = "\n".join(row[0].lower() for row in kept)
            connection.execute("INSERT INTO taken (at, ids) VALUES (?, ?)", (time.time(), ids))
        dropped = self._dropped
        add(connection, "waiting", len(kept))
        add(connection, "waiting_bytes", sum(row[3] for row in kept))
        add(connection, "taken_total", len(kept))
        add(connection, "dropped_total", dropped + len(rows) - len(kept))
        for change in changes:
            change(connection)
        connection.execute("COMMIT")
        self.committed = time.monotonic()
        with self._ready:
            self._dropped -= dropped

    def _within_bounds(self, rows: list[Row]) -> list[Row]:
        """Return the rows for which there is room in the spool and on its disk."""
        if not rows:
            return rows
        if not self._room_on_disk():
            log.say_at_times("disk", "error", "records dropped: the disk of the spool is nearly full")
            return []
        room = self._settings.spool_bytes - count(self._connection, "waiting_bytes")
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
