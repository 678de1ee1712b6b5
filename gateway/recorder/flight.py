"""The parcels on their way to jawn: so many bytes at a time, and of one id one at a time.

SDKs may try again under the id of the first try. jawn stores the bodies under the id and makes the row of what
it then reads there: of two at once it would read one's for both.
"""

from __future__ import annotations

from collections import Counter, deque

from .parcel import Parcel

# Of a client that uses one id for everything more would arrive than can leave one by one, and others would wait for it.
_MOST_BEHIND = 100


class Flight:
    """What flies, and what stays behind because another with its id flies. The caller has the lock."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._ids = Counter[str]()
        self._behind: dict[str, deque[Parcel]] = {}

    @property
    def behind(self) -> int:
        """How many stay behind."""
        return sum(map(len, self._behind.values()))

    def has_room(self, parcel: Parcel) -> bool:
        """Return whether so large a parcel may fly beside the others; alone any may."""
        return not self._ids or self._bytes + parcel.size <= self._most_bytes

    def take(self, parcel: Parcel) -> bool:
        """Let a parcel fly, or keep it behind the one with its id, if not too many are; return whether it flies."""
        if parcel.id in self._ids and len(self._behind.get(parcel.id, ())) < _MOST_BEHIND:
            self._behind.setdefault(parcel.id, deque()).append(parcel)
            return False
        self._ids[parcel.id] += 1
        self._bytes += parcel.size
        return True

    def landed(self, parcel: Parcel) -> None:
        """Take that a parcel flies no longer."""
        self._ids[parcel.id] -= 1
        if not self._ids[parcel.id]:
            del self._ids[parcel.id]
        self._bytes -= parcel.size

    def next_of(self, identity: str) -> Parcel | None:
        """Return the parcel that stays behind for longest of those with an id, and forget it; None if none does."""
        behind = self._behind.get(identity)
        if not behind:
            return None
        parcel = behind.popleft()
        if not behind:
            del self._behind[identity]
        return parcel
