"""What the last attempts say about Helicone: whether to send at full rate, singly, or not at all."""

from __future__ import annotations

from . import log
from .jawn import Fate
from .parcel import Parcel
from .settings import Pace

_FAILURES_IN_A_ROW = 10
_TRIES_BEFORE_REFUSED = 5
_FAILURES_ALONE = 10


class Outage:
    """Signs of an outage, and of its end. The caller has the lock and says what time it is.

    `paused`: ClickHouse does not answer. `probing`: too many failures in a row. `resumed_at`: since when
    ClickHouse answers again, so that what was lost meanwhile is not expected before.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._failures = 0
        self._next_probe = float("-inf")
        self._found_at = float("-inf")
        self.paused = False
        self.probing = False
        self.resumed_at = float("-inf")

    def may_send(self, now: float) -> bool:
        """Return whether a parcel may be sent now."""
        return not self.paused and (not self.probing or now >= self._next_probe)

    def sends(self, now: float) -> None:
        """Take that a parcel is sent."""
        self._next_probe = now + self._pace.probe_every

    def failed(self, parcel: Parcel, now: float) -> None:
        """Take that an attempt failed for a reason of Helicone's."""
        if parcel.failing_since is None:
            parcel.failing_since = now
        if parcel.failed_at is not None and self._found_at > parcel.failed_at:
            parcel.alone += 1
        parcel.failed_at = now
        self._failures += 1
        if self._failures >= _FAILURES_IN_A_ROW and not self.probing:
            self.probing = True
            log.say("error", f"delivery slows down to single tries: {parcel.reason}")

    def found(self, now: float) -> bool:
        """Take that a record was written, and return whether that ends the probing."""
        self._found_at = now
        self._failures = 0
        ended, self.probing = self.probing, False
        if ended:
            log.say("info", "records arrive in Helicone again: delivery goes on at full rate")
        return ended

    def unavailable(self, reason: str) -> None:
        """Take that ClickHouse does not answer."""
        if not self.paused:
            self.paused = True
            log.say("error", f"delivery waits: {reason}")

    def available(self, now: float) -> None:
        """Take that ClickHouse answers."""
        if self.paused:
            self.paused = False
            self.resumed_at = now
            log.say("info", "ClickHouse answers again: delivery goes on")

    def is_the_records_fault(self, parcel: Parcel, fate: Fate | None, now: float) -> bool:
        """Return whether a parcel that failed again is to be given up.

        It is when it cannot be sent at all, when jawn has called it wrong several times over some minutes,
        or when it has failed for very long, and many times while others were written.
        """
        if fate is Fate.HOPELESS:
            return True
        if parcel.failing_since is None:
            parcel.failing_since = now
        lasted = now - parcel.failing_since
        if fate is Fate.RECORD_REFUSED and parcel.tries >= _TRIES_BEFORE_REFUSED:
            return lasted >= self._pace.refuse_record_after
        return lasted >= self._pace.refuse_after and parcel.alone >= _FAILURES_ALONE
