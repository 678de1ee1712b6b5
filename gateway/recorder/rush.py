"""Whether so much passes that taking it down comes first and Helicone has to wait.

Delivery costs this process and Helicone several times what taking a record does, on what may be the
same processors. Above a rate at which clients would feel that, the spool is there to wait in; where
processors are left over, nobody feels it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .processors import Processors

_SPARE = 0.5  # share of the processors that has to be idle for delivery to go on


class Rush:
    """Counts what is taken by seconds. `note` is called by one thread, `is_on` by any."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        idle: Callable[[], float] | None = None,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._idle = idle or Processors().idle
        self._second = 0
        self._now = 0
        self._before = 0

    def note(self) -> None:
        """Count one record."""
        self._turn()
        self._now += 1

    def is_on(self) -> bool:
        """Tell whether this second or the one before it brought more than the rate, and processors are short."""
        second = int(self._clock())
        if second == self._second:
            many = max(self._now, self._before) > self._rate
        else:
            many = second == self._second + 1 and self._now > self._rate
        return many and self._idle() < _SPARE

    def _turn(self) -> None:
        second = int(self._clock())
        if second != self._second:
            self._before = self._now if second == self._second + 1 else 0
            self._second, self._now = second, 0
