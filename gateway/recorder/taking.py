"""Taking: of every exchange that has ended, its record goes into the spool, or it is counted as a gap.

Envoy's access log says what passed and that it is over; by then all that was to be written of it is in
its file. A line that says `"recorded": "yes"` and has no file is a gap. Records, gaps, the place in the
log and the names of the files are one commit, the files are removed after it: whoever dies in between,
the next one goes on where it stood, and takes nothing twice.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from dataclasses import dataclass, field

from . import log
from .access_log import AccessLog, Place, place_of
from .exchange import UnreadableError, record_of
from .mirror import Mirror
from .record import Record
from .schema import add, fact, note, open_spool
from .settings import Settings
from .spool import Spool

_FACT = "access_log"
_EVERY_SECONDS = 0.1
_LEFT_EVERY_SECONDS = 5.0
_BATCH_FILES = 2000
_BATCH_BYTES = 32 << 20
_LISTED = 1000


@dataclass(slots=True)
class _Batch:
    """What one commit brings; `files` are those that are done with then.

    `size` bounds the memory it takes: the files as they were, and the bodies that were unpacked from them.
    """

    records: list[Record] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    gaps: list[tuple[str, str]] = field(default_factory=list)
    unreadable: int = 0
    size: int = 0

    @property
    def full(self) -> bool:
        """Whether this is enough for one commit."""
        return len(self.files) >= _BATCH_FILES or self.size >= _BATCH_BYTES


class Taking:
    """What is taken while this process leads; `round` does one step and returns whether there is more to do."""

    def __init__(self, settings: Settings, spool: Spool) -> None:
        self._spool = spool
        self._body_bytes = settings.body_bytes
        self._mirror = Mirror(settings.mirror)
        connection = open_spool(settings.folder)
        try:
            # The former process may have ended between its last commit and the removal of what that held.
            self._mirror.remove([name for (name,) in connection.execute("SELECT name FROM done_file")])
            self._log = AccessLog(settings.access_log, place_of(fact(connection, _FACT)))
        finally:
            connection.close()
        self._left_seen = float("-inf")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._take, name="taking", daemon=True)

    def start(self) -> None:
        """Start to take."""
        self._thread.start()

    def stop(self, within: float) -> bool:
        """Stop, and return whether all that was begun is on disk: if not, nobody else may take yet."""
        self._ended.set()
        self._thread.join(within)
        return not self._thread.is_alive()

    def round(self) -> bool:
        """Take what has ended since the last round. Whatever goes wrong, the next round begins where this one did."""
        batch = _Batch()
        before = self._log.place
        try:
            more = self._read_lines(batch)
            if not more and time.monotonic() - self._left_seen > _LEFT_EVERY_SECONDS:
                more = self._read_left(batch)
        except Exception:
            self._log.close()  # it is opened again where reading began, also if that was another file
            self._log.place = before
            raise
        if self._log.place != before or batch.files:
            self._write(batch)
        return more

    def _take(self) -> None:
        while not self._ended.is_set():
            try:
                busy = self.round()
            except Exception as error:  # noqa: BLE001 - taking goes on
                log.say_at_times("taking", "error", f"nothing can be taken down: {type(error).__name__}: {error}")
                busy = False
                self._ended.wait(1)
            if not busy:
                self._ended.wait(_EVERY_SECONDS)
        self._log.close()

    def _read_lines(self, batch: _Batch) -> bool:
        """Take the exchanges of the next lines, as many as fit; return whether there may be more."""
        lines = self._log.lines()
        for line, place in lines:
            self._read_line(line, batch)
            if batch.full:
                self._log.place = place
                break
        return bool(lines)

    def _read_line(self, line: bytes, batch: _Batch) -> None:
        try:
            entry = json.loads(line)
            # An Envoy without this word leaves no files: one of a former release.
            if entry["recorded"] != "yes" or "exchange" not in entry:
                return
            name = str(entry["exchange"] or "")
            ended = float(entry["start"]) + float(entry["ms"]) / 1000
            about = {key: entry.get(key) for key in ("status", "provider", "path")}
            identity = str(entry["id"]).lower()
            text = json.dumps({"id": identity, "started": entry["start"], **about})
        except (ValueError, KeyError, TypeError, AttributeError):
            batch.unreadable += 1
            return
        if not self._read_file(name, ended, batch):
            batch.gaps.append((identity, text))
            log.say_at_times("gap", "error", "a request passed without a record", last=json.loads(text))

    def _read_left(self, batch: _Batch) -> bool:
        """Take what Envoys left that are gone, as far as it came; return whether there is more.

        An Envoy may have written its last line just now: whatever the log says comes first.
        """
        gone = self._mirror.gone()
        if self._read_lines(batch):
            return True
        for name, written in self._mirror.left(gone):
            self._read_file(name, written, batch)
            if batch.full:
                return True
        self._left_seen = time.monotonic()
        return False

    def _read_file(self, name: str, ended: float, batch: _Batch) -> bool:
        """Take one exchange, and return whether there was one to take."""
        content = self._mirror.read(name)
        if content is None:
            return False
        batch.files.append(name)
        batch.size += len(content)
        try:
            record = record_of(content, ended, self._body_bytes)
        except UnreadableError as error:
            log.say_at_times("unreadable", "error", f"what was written of a request cannot be read: {error}")
            return False
        batch.records.append(record)
        batch.size += len(record.request_body) + len(record.response_body)
        return True

    def _write(self, batch: _Batch) -> None:
        """Write a round down, and then free what was read."""
        place: Place = self._log.place

        def write(connection: sqlite3.Connection) -> None:
            """Put the place in the log, the gaps and the files that are done with into the records' commit."""
            connection.executemany("INSERT INTO gap (id, text) VALUES (?, ?)", batch.gaps)
            connection.execute("DELETE FROM gap WHERE number <= (SELECT max(number) FROM gap) - ?", (_LISTED,))
            add(connection, "gaps_total", len(batch.gaps))
            add(connection, "unreadable_lines_total", batch.unreadable)
            connection.execute("DELETE FROM done_file")
            connection.executemany("INSERT OR IGNORE INTO done_file VALUES (?)", [(name,) for name in batch.files])
            note(connection, _FACT, place.text())

        self._spool.take(*batch.records, change=write).wait()
        self._mirror.remove(batch.files)
        self._log.forget(place)
