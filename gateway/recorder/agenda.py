"""Parcels by the time at which they are due."""

from __future__ import annotations

import heapq
import itertools

from .parcel import Parcel


class Agenda:
    """A heap of parcels. The caller has the lock and says what time it is."""

    def __init__(self) -> None:
        self._number = itertools.count()  # parcels due at once come in the order they were added
        self._heap: list[tuple[float, int, Parcel]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, due: float, parcel: Parcel) -> None:
        """Note when a parcel is due."""
        heapq.heappush(self._heap, (due, next(self._number), parcel))

    def first(self, now: float) -> Parcel | None:
        """Return the parcel that is due for longest, and leave it; None when none is due."""
        return self._heap[0][2] if self._heap and self._heap[0][0] <= now else None

    def pop(self) -> None:
        """Strike off the first parcel."""
        heapq.heappop(self._heap)

    def hasten(self, now: float) -> None:
        """Make every parcel due now."""
        self._heap = [(min(due, now), number, parcel) for due, number, parcel in self._heap]
        heapq.heapify(self._heap)
