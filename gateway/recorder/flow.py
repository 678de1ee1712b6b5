"""Which record goes next: the state of delivery, without the threads and the network.

A parcel is ready, flies, stays behind one of its id that flies, is looked for in ClickHouse, or rests
before another try; then it is gone: written, refused, or left in the spool because of its key. Three things
hold parcels back: ClickHouse does not answer (jawn would lose what it gets); many failures in a row (single
parcels probe, until one is seen in ClickHouse); and a key that jawn refuses (one parcel probes, the others
wait in the spool).
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from .agenda import Agenda
from .backlog import Waiting
from .flight import Flight
from .holds import Holds
from .jawn import Attempt, Fate
from .outage import Outage
from .parcel import NOTHING, Parcel, Verdict
from .settings import Pace


class Flow:
    """The parcels. Every method may be called by any thread."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._changed = threading.Condition()
        self._open: dict[int, Parcel] = {}
        self._ready: deque[Parcel] = deque()
        self._resting = Agenda()
        self._looking = Agenda()
        self._holds = Holds()
        self._flight = Flight(pace.flight_bytes)
        self._outage = Outage(pace)
        self._rescan = False
        self._stopped = False

    def hold(self, keys: Iterable[str]) -> None:
        """Begin with keys that are known to be refused."""
        with self._changed:
            self._holds.load(keys)

    def held_keys(self) -> list[str]:
        """Return the keys whose records stay in the spool for now."""
        with self._changed:
            return self._holds.keys()

    def keys_without_probe(self) -> list[str]:
        """Return the held keys for which no parcel probes."""
        with self._changed:
            return self._holds.without_probe()

    def release(self, key: str) -> None:
        """Let go of a held key of which no record is left."""
        with self._changed:
            self._rescan |= self._holds.release(key)

    def room(self) -> int:
        """Return how many more records are to be read from the spool."""
        with self._changed:
            if self._stopped or self._outage.paused or len(self._open) >= self._pace.open_most:
                return 0
            if self._outage.probing:
                return int(not self._ready)
            return max(0, self._pace.window - (len(self._open) - len(self._resting) - self._flight.behind))

    def must_rescan(self) -> bool:
        """Return once that records were left behind in the spool which may go now."""
        with self._changed:
            rescan, self._rescan = self._rescan, False
        return rescan

    def add(self, records: Iterable[Waiting]) -> None:
        """Take records from the spool; what may have been sent before is looked for first."""
        with self._changed:
            now = self._clock()
            for record in records:
                if record.seq in self._open:
                    continue
                parcel = Parcel(record.seq, record.id, record.created, record.size, record.key, tried_at=now)
                self._open[record.seq] = parcel
                self._holds.probe_with(parcel)
                if record.sent:
                    self._look(parcel, self._pace.unsure_wait)
                else:
                    self._ready.append(parcel)
            self._changed.notify_all()

    def next(self) -> Parcel | None:
        """Wait for the next parcel to send, and return it; None at the end."""
        with self._changed:
            while not self._stopped:
                parcel = self._pick()
                if parcel is not None:
                    return parcel
                self._changed.wait(0.25)
            return None

    def settle(self, parcel: Parcel, attempt: Attempt) -> Verdict:
        """Take an attempt's end and return what follows from it."""
        with self._changed:
            self._landed(parcel)
            parcel.tries += 1
            parcel.looks = 0
            parcel.tried_at = self._clock()
            parcel.given = attempt.fate is Fate.GIVEN
            parcel.shortened = attempt.shortened
            parcel.reason = attempt.reason
            return self._judge(parcel, attempt.fate)

    def gone(self, parcel: Parcel) -> None:
        """Forget a flying parcel whose record is no longer in the spool."""
        with self._changed:
            self._landed(parcel)
            self._drop(parcel)

    def due_looks(self, most: int) -> list[Parcel]:
        """Return parcels that are to be looked for in ClickHouse now."""
        with self._changed:
            due: list[Parcel] = []
            while len(due) < most and (parcel := self._looking.first(self._clock())) is not None:
                self._looking.pop()
                due.append(parcel)
            return due

    def found(self, parcels: Iterable[Parcel]) -> None:
        """Take that these, at least one, are written: Helicone works."""
        with self._changed:
            for parcel in parcels:
                self._drop(parcel)
            if self._outage.found(self._clock()):
                self._resting.hasten(self._clock())
            self._changed.notify_all()

    def absent(self, parcels: Iterable[Parcel]) -> Verdict:
        """Take that these are not there, and send again what has had its time."""
        refused: list[Parcel] = []
        with self._changed:
            for parcel in parcels:
                patience = self._pace.confirm_within if parcel.given else self._pace.unsure_wait
                left = patience - (self._clock() - max(parcel.tried_at, self._outage.resumed_at))
                parcel.looks += 1
                if left > 0:
                    self._look(parcel, min(left, self._pace.first_look * 2**parcel.looks))
                elif parcel.tries == 0:
                    self._ready.append(parcel)
                elif self._outage.is_the_records_fault(parcel, None, self._clock()):
                    self._drop(parcel)
                    refused.append(parcel)
                else:
                    if parcel.given:
                        parcel.reason = "jawn took it, and ClickHouse does not have it"
                        self._outage.failed(parcel, self._clock())
                    self._rest(parcel)
            self._changed.notify_all()
        return Verdict(refused=tuple(refused))

    def unavailable(self, parcels: Iterable[Parcel], reason: str) -> None:
        """Take that ClickHouse does not answer: what was to be looked for waits, and nothing is sent."""
        with self._changed:
            self._outage.unavailable(reason)
            for parcel in parcels:
                self._look(parcel, 0)

    def available(self) -> None:
        """Take that ClickHouse answers again: every parcel has its time to appear from now on."""
        with self._changed:
            self._outage.available(self._clock())
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """Whether nothing is sent because ClickHouse does not answer."""
        return self._outage.paused

    def _judge(self, parcel: Parcel, fate: Fate) -> Verdict:
        """Send the parcel where its attempt's fate leads."""
        if fate is Fate.GIVEN:
            self._look(parcel, self._pace.first_look)
            if not self._holds.release(parcel.key):
                return NOTHING
            self._rescan = True
            self._resting.hasten(self._clock())  # PostgreSQL may be back: other keys need not wait for their turn
            return Verdict(key_released=parcel.key)
        if fate is Fate.UNSURE:
            self._outage.failed(parcel, self._clock())
            self._look(parcel, self._pace.unsure_wait)
            return NOTHING
        if fate in (Fate.KEY_REFUSED, Fate.KEY_GONE):
            verdict, stays = self._holds.refused(parcel, fate is Fate.KEY_GONE, self._clock(), self._pace)
            if stays:
                self._rest(parcel)
            else:
                self._drop(parcel)
            return verdict
        if fate is Fate.NOT_GIVEN:
            self._outage.failed(parcel, self._clock())
        if self._outage.is_the_records_fault(parcel, fate, self._clock()):
            self._drop(parcel)
            return Verdict(refused=(parcel,))
        self._rest(parcel)
        return NOTHING

    def _pick(self) -> Parcel | None:
        """Return a parcel that may be sent now, if there is one."""
        now = self._clock()
        if not self._outage.may_send(now):
            return None
        while True:
            rested = self._resting.first(now)
            parcel = rested or (self._ready[0] if self._ready else None)
            if parcel is None or not self._flight.has_room(parcel):
                return None
            if rested is None:
                self._ready.popleft()
            else:
                self._resting.pop()
            if not self._holds.may_go(parcel):
                self._drop(parcel)
                self._follow(parcel)
            elif self._flight.take(parcel):
                self._outage.sends(now)
                return parcel

    def _landed(self, parcel: Parcel) -> None:
        self._flight.landed(parcel)
        self._follow(parcel)
        self._changed.notify()

    def _follow(self, parcel: Parcel) -> None:
        """Let the next parcel with the same id go."""
        if (behind := self._flight.next_of(parcel.id)) is not None:
            self._resting.add(self._clock(), behind)

    def _drop(self, parcel: Parcel) -> None:
        self._open.pop(parcel.seq, None)
        self._holds.lost(parcel)

    def _look(self, parcel: Parcel, after: float) -> None:
        self._looking.add(self._clock() + after, parcel)

    def _rest(self, parcel: Parcel) -> None:
        longest = min(self._pace.retry_most, self._pace.retry_first * 2 ** min(parcel.tries - 1, 20))
        self._resting.add(self._clock() + longest * random.uniform(0.5, 1), parcel)  # noqa: S311 - no secret
