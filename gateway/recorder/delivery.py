"""Delivery: what waits in the spool goes to jawn until ClickHouse shows it, exactly once if that can be.

Three kinds of threads share a Flow: the feeder reads the spool and writes down what may be sent from
then on, the senders each have connections to jawn, and the reader looks into ClickHouse. A record that
may have reached jawn, also by a process that is gone, is looked for before it is sent again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Collection

from . import backlog, log
from .confirmation import BATCH, Reader, UnavailableError, mark_of
from .flow import Flow
from .jawn import Addresses, Attempt, Fate, Jawn
from .parcel import Parcel, Verdict
from .record import Record
from .schema import open_spool
from .settings import Settings
from .spool import Spool

_FEED = 200
_IDLE_SECONDS = 0.1
_LOOK_SECONDS = 0.25
_PING_SECONDS = 1.0
_ERROR_SECONDS = 1.0
_RUSH_SECONDS = 0.5  # that a sender waits before each record in a rush


class Delivery:
    """Delivery from a spool while this process leads. `last_error` is (when, what) of the last failure."""

    def __init__(self, settings: Settings, spool: Spool) -> None:
        self._settings = settings
        self._spool = spool
        self._connection = open_spool(settings.folder)
        self._reading = threading.Lock()
        self._addresses = Addresses(settings.jawn, settings.pace.rest)
        self._flow = Flow(settings.pace)
        self._flow.hold(backlog.held(self._connection))
        self._ended = threading.Event()
        self._place = 0
        self.last_error: tuple[float, str] | None = None
        works = {"feeder": self._feed, "reader": self._look_with(Reader(settings.clickhouse))}
        self._threads = [
            threading.Thread(target=self._again_and_again, args=(work,), name=name, daemon=True)
            for name, work in works.items()
        ]
        self._threads += [
            threading.Thread(target=self._send, name=f"sender-{number}", daemon=True)
            for number in range(settings.pace.workers)
        ]

    def start(self) -> None:
        """Start to deliver."""
        for thread in self._threads:
            thread.start()

    def stop(self, within: float) -> None:
        """Stop, and wait for requests on their way for so many seconds. What is not proven stays in the spool."""
        self._ended.set()
        self._flow.stop()
        until = time.monotonic() + within
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _again_and_again(self, work: Callable[[], bool]) -> None:
        """Work until the end, whatever goes wrong; `work` returns whether there may be more to do at once."""
        while not self._ended.is_set():
            try:
                busy = work()
            except Exception as error:  # noqa: BLE001 - delivery goes on
                self._failed(f"{threading.current_thread().name}: {type(error).__name__}: {error}")
                self._ended.wait(_ERROR_SECONDS)
            else:
                if not busy:
                    self._ended.wait(_IDLE_SECONDS)

    def _feed(self) -> bool:
        """Read the next records from the spool into the flow, and probes for held keys."""
        self._feed_probes()
        if self._flow.must_rescan():
            self._place = 0
        room = min(self._flow.room(), _FEED)
        if not room:
            return False
        with self._reading:
            records = backlog.waiting(self._connection, self._place, self._flow.held_keys(), room)
        if records:
            self._mark([record.seq for record in records if not record.sent])
            self._place = records[-1].seq
            self._flow.add(records)
        return len(records) == room

    def _feed_probes(self) -> None:
        for key in self._flow.keys_without_probe():
            with self._reading:
                record = backlog.oldest_of(self._connection, key)
            if record is None:
                self._flow.release(key)
                self._spool.change(lambda connection, key=key: backlog.release(connection, key))  # type: ignore[misc]
            else:
                self._mark([record.seq])
                self._flow.add([record])

    def _mark(self, seqs: Collection[int]) -> None:
        """Write down that these may be sent, before they are; raises TimeoutError when the disk does not take it."""
        if seqs and not self._spool.change(lambda connection: backlog.mark_sent(connection, seqs)).wait(30):
            raise TimeoutError("the spool does not take what is to be sent")

    def _send(self) -> None:
        """Send parcels until the end: one sender."""
        jawn = Jawn(self._addresses, self._settings.pace)
        while (parcel := self._flow.next()) is not None:
            if self._spool.rush.is_on():
                self._ended.wait(_RUSH_SECONDS)
            try:
                record = self._load(parcel)
                if record is None:
                    self._flow.gone(parcel)
                    continue
                attempt = jawn.send(record)
            except Exception as error:  # noqa: BLE001 - tried again like any other failure
                attempt = Attempt(Fate.NOT_GIVEN, f"{type(error).__name__}: {error}")
            if attempt.fate is not Fate.GIVEN:
                self._failed(f"record {parcel.id}: {attempt.reason}")
            self._write_down(self._flow.settle(parcel, attempt))
        jawn.close()

    def _load(self, parcel: Parcel) -> Record | None:
        with self._reading:
            return backlog.load(self._connection, parcel.seq)

    def _look_with(self, reader: Reader) -> Callable[[], bool]:
        """Return the reader's work: to look for what is due, or whether ClickHouse is back."""

        def look() -> bool:
            """Look once; there is always more to look for."""
            parcels: list[Parcel] = []
            try:
                if self._flow.paused:
                    reader.ping()
                    self._flow.available()
                parcels = self._flow.due_looks(BATCH)
                present = reader.present([(parcel.id, parcel.created) for parcel in parcels])
            except UnavailableError as error:
                self._flow.unavailable(parcels, str(error))
                self._failed(str(error))
                self._ended.wait(_PING_SECONDS)
                return True
            self._sort(parcels, [mark_of(parcel.id, parcel.created) in present for parcel in parcels])
            if len(parcels) < BATCH:
                self._ended.wait(_LOOK_SECONDS)
            return True

        return look

    def _sort(self, parcels: list[Parcel], there: list[bool]) -> None:
        """Finish what is in ClickHouse, and give the rest back to the flow."""
        found = [parcel for parcel, present in zip(parcels, there, strict=True) if present]
        absent = [parcel for parcel, present in zip(parcels, there, strict=True) if not present]
        if found:
            seqs = [parcel.seq for parcel in found]
            shortened = sum(parcel.shortened for parcel in found)
            self._spool.change(lambda connection: backlog.finish(connection, seqs, shortened))
            self._flow.found(found)
        if absent:
            self._write_down(self._flow.absent(absent))

    def _write_down(self, verdict: Verdict) -> None:
        """Put a verdict into the spool."""
        change = self._spool.change
        if verdict.key_held:
            log.say("error", "jawn refuses a key; its records wait, and one of them is tried now and then")
            change(lambda connection: backlog.hold(connection, verdict.key_held))
        if verdict.key_released:
            log.say("info", "jawn accepts a key again that it had refused")
            change(lambda connection: backlog.release(connection, verdict.key_released))
        if verdict.key_refused:
            log.say_at_times("refused", "error", "records given up: jawn says that there is no such key as theirs")
            change(lambda connection: self._refuse_key(connection, verdict.key_refused))
        if verdict.refused:
            reason = verdict.refused[0].reason
            ids = [parcel.id for parcel in verdict.refused][:10]
            log.say("error", f"records given up: {reason}", ids=ids)
            seqs = [parcel.seq for parcel in verdict.refused]
            change(lambda connection: self._refuse(connection, seqs, reason))

    def _refuse_key(self, connection: sqlite3.Connection, key: str) -> None:
        self._refuse(connection, backlog.some_of(connection, key), "jawn knows no such key")

    def _refuse(self, connection: sqlite3.Connection, seqs: Collection[int], reason: str) -> None:
        backlog.refuse(connection, seqs, reason, self._settings.refused_bytes)

    def _failed(self, reason: str) -> None:
        self.last_error = (time.time(), reason)
        log.say_at_times("delivery", "warning", reason, every=10)
