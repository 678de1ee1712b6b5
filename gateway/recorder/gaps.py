"""Gaps: requests that passed, were to be recorded, and were not. Counted to the request.

Envoy's access log says what passed, the spool what was taken. A line that says `"recorded": "yes"`, and
for whose id no record is taken `gap_after` seconds after it was read, is a gap; one whose record
comes later after all is none any more. A record that was dropped at a bound is a gap too. What is
unresolved is kept in the spool together with the place in the log, in one transaction: a recorder that
comes back goes on where the former one stopped, and counts what passed meanwhile.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import log
from .access_log import AccessLog, place_of
from .schema import add, fact, note, open_spool
from .spool import Spool

_FACT = "access_log"
_EVERY_SECONDS = 0.5
_REMEMBERED_SECONDS = 3600
_LISTED = 1000
_BATCHES = 2000


@dataclass(slots=True)
class _Changes:
    """What one round changes in the spool."""

    resolved: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    gaps: list[tuple[str, str]] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    unreadable: int = 0


class Gaps:
    """The count while this process leads; `round` does one step and returns whether there is more to do."""

    def __init__(self, path: Path, spool: Spool, folder: Path, gap_after: float) -> None:
        self._spool = spool
        self._gap_after = gap_after
        self._connection = open_spool(folder)
        self._lines: dict[int, tuple[str, float, str]] = {}
        self._waiting: dict[str, list[int]] = {}
        self._taken: dict[str, list[int]] = {}
        self._left: dict[int, tuple[int, float]] = {}
        self._last_batch = 0
        for number, identity, seen, text in self._connection.execute("SELECT number, id, seen, text FROM line"):
            self._wait_for(number, identity, seen, text)
        self._number = max(self._lines, default=0)
        self._written = threading.Event()
        self._written.set()
        self._gaps = {identity for (identity,) in self._connection.execute("SELECT id FROM gap")}
        self._log = AccessLog(path, place_of(fact(self._connection, _FACT)))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._count, name="gaps", daemon=True)

    def start(self) -> None:
        """Start to count."""
        self._thread.start()

    def stop(self, within: float) -> None:
        """Stop counting; what is unresolved stays in the spool."""
        self._ended.set()
        self._thread.join(within)
        self._written.wait(within)  # whoever counts next begins with what is on disk

    def round(self) -> bool:
        """Read what is new on both sides, resolve what can be, and write that down."""
        changes = _Changes()
        before, known = self._log.place, self._number
        more_taken = self._read_taken(changes)
        lines = self._log.lines()
        for line in lines:
            self._read_line(line, changes)
        self._find_gaps(changes)
        self._forget_taken(changes)
        if changes != _Changes() or self._log.place != before:
            self._write(changes, known)
        return bool(lines) or more_taken

    def _count(self) -> None:
        while not self._ended.is_set():
            try:
                busy = self.round()
            except Exception as error:  # noqa: BLE001 - counting goes on
                log.say_at_times("gaps", "error", f"gaps cannot be counted: {type(error).__name__}: {error}")
                busy = False
            if not busy:
                self._ended.wait(_EVERY_SECONDS)
        self._log.close()

    def _read_line(self, line: bytes, changes: _Changes) -> None:
        """Match a line with what was taken, or let it wait."""
        try:
            entry = json.loads(line)
            # What the gateway's own rate limit refuses never comes as far as to be taken down.
            recorded = entry["recorded"] == "yes" and entry.get("flags") != "RL"
            identity = str(entry["id"]).lower()
            text = json.dumps(
                {
                    "id": identity,
                    "started": entry.get("start"),
                    "status": entry.get("status"),
                    "provider": entry.get("provider"),
                    "path": entry.get("path"),
                },
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            changes.unreadable += 1
            return
        if not recorded:
            return
        if identity in self._taken:
            self._use_up(_pop(self._taken, identity), changes)
            return
        self._number += 1
        self._wait_for(self._number, identity, time.time(), text)

    def _wait_for(self, number: int, identity: str, seen: float, text: str) -> None:
        self._lines[number] = (identity, seen, text)
        self._waiting.setdefault(identity, []).append(number)

    def _read_taken(self, changes: _Changes) -> bool:
        """Match what was taken lately with the lines that wait and with former gaps; return whether there is more."""
        batches = self._connection.execute(
            "SELECT batch, at, ids FROM taken WHERE batch > ? ORDER BY batch LIMIT ?",
            (self._last_batch, _BATCHES),
        ).fetchall()
        for batch, at, ids in batches:
            identities = ids.split("\n")
            self._left[batch] = (len(identities), at)
            self._last_batch = batch
            for identity in identities:
                self._match_taken(batch, identity, changes)
        return len(batches) == _BATCHES

    def _match_taken(self, batch: int, identity: str, changes: _Changes) -> None:
        if identity in self._waiting:
            number = _pop(self._waiting, identity)
            del self._lines[number]
            changes.resolved.append(number)
        elif identity in self._gaps:
            self._gaps.discard(identity)
            changes.late.append(identity)
        else:
            self._taken.setdefault(identity, []).append(batch)
            return
        self._use_up(batch, changes)

    def _use_up(self, batch: int, changes: _Changes) -> None:
        """Count one id of a batch as matched; a batch without any other is forgotten."""
        if batch not in self._left:
            return
        left, at = self._left[batch]
        if left > 1:
            self._left[batch] = (left - 1, at)
        else:
            del self._left[batch]
            changes.batches.append(batch)

    def _find_gaps(self, changes: _Changes) -> None:
        """Call a gap what has waited long enough."""
        before = time.time() - self._gap_after
        overdue = []
        for number, (_, seen, _) in self._lines.items():
            if seen > before:
                break
            overdue.append(number)
        for number in overdue:
            identity, _, text = self._lines.pop(number)
            numbers = self._waiting[identity]
            numbers.remove(number)
            if not numbers:
                del self._waiting[identity]
            self._gaps.add(identity)
            changes.resolved.append(number)
            changes.gaps.append((identity, text))
            log.say_at_times("gap", "error", "requests passed without a record", last=json.loads(text))

    def _forget_taken(self, changes: _Changes) -> None:
        """Forget batches whose requests never came to the access log: Envoy was killed, or the line unreadable."""
        before = time.time() - _REMEMBERED_SECONDS
        old = set()
        for batch, (_, at) in self._left.items():
            if at > before:
                break
            old.add(batch)
        if not old:
            return
        for batch in old:
            del self._left[batch]
        changes.batches += old
        kept = {identity: [batch for batch in batches if batch not in old] for identity, batches in self._taken.items()}
        self._taken = {identity: batches for identity, batches in kept.items() if batches}

    def _write(self, changes: _Changes, known: int) -> None:
        """Write a round down and then free what was read of the log; lines beyond `known` are new."""
        place = self._log.place
        new = [(number, *self._lines[number]) for number in self._lines if number > known]
        resolved = [(number,) for number in changes.resolved if number <= known]

        def write(connection: sqlite3.Connection) -> None:
            """Put the round and the place in the log into one commit."""
            connection.executemany("INSERT INTO line VALUES (?, ?, ?, ?)", new)
            connection.executemany("DELETE FROM line WHERE number = ?", resolved)
            connection.executemany("DELETE FROM taken WHERE batch = ?", [(batch,) for batch in changes.batches])
            connection.executemany("INSERT INTO gap (id, text) VALUES (?, ?)", changes.gaps)
            late = sum(_delete_gap(connection, identity) for identity in changes.late)
            connection.execute("DELETE FROM gap WHERE number <= (SELECT max(number) FROM gap) - ?", (_LISTED,))
            add(connection, "gaps_total", len(changes.gaps) - late)
            add(connection, "unreadable_lines_total", changes.unreadable)
            note(connection, _FACT, place.text())

        self._written = self._spool.change(write)
        while not self._written.wait(1) and not self._ended.is_set():
            pass
        if self._written.is_set():
            self._log.forget(place)


def _pop(numbers: dict[str, list[int]], identity: str) -> int:
    """Take the oldest number of an id out."""
    found = numbers[identity]
    number = found.pop(0)
    if not found:
        del numbers[identity]
    return number


def _delete_gap(connection: sqlite3.Connection, identity: str) -> int:
    """Delete one gap of an id and return how many there were to delete."""
    return connection.execute(
        "DELETE FROM gap WHERE number = (SELECT min(number) FROM gap WHERE id = ?)",
        (identity,),
    ).rowcount
