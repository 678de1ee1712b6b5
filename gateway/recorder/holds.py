"""Keys that jawn refuses: one record of each probes, the others wait in the spool and block nobody.

Without PostgreSQL jawn refuses good keys too, for however long that lasts: only its word that there is no such
key, said for a while, gives one up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .parcel import NOTHING, Parcel, Verdict
from .settings import Pace


@dataclass(slots=True)
class Hold:
    """A key that is refused, and the parcel that probes for it.

    `gone_since` is since when all answers, of this process's attempts, were that there is no such key.
    """

    probe: Parcel | None = None
    gone_since: float | None = None


class Holds:
    """The held keys. The caller has the lock and says what time it is, by a clock that nobody sets."""

    def __init__(self) -> None:
        self._holds: dict[str, Hold] = {}

    def load(self, keys: Iterable[str]) -> None:
        """Begin with keys that are known to be refused."""
        self._holds.update({key: Hold() for key in keys})

    def keys(self) -> list[str]:
        """Return the keys whose records stay in the spool for now."""
        return list(self._holds)

    def without_probe(self) -> list[str]:
        """Return the keys for which no parcel probes."""
        return [key for key, hold in self._holds.items() if hold.probe is None]

    def probe_with(self, parcel: Parcel) -> None:
        """Let a parcel probe for its key, if that is held and nothing probes for it."""
        hold = self._holds.get(parcel.key)
        if hold is not None and hold.probe is None:
            hold.probe = parcel

    def may_go(self, parcel: Parcel) -> bool:
        """Return whether a parcel may be sent: its key is not held, or it is the one that probes."""
        hold = self._holds.get(parcel.key)
        return hold is None or hold.probe is parcel

    def refused(self, parcel: Parcel, gone: bool, now: float, pace: Pace) -> tuple[Verdict, bool]:
        """Take that jawn refused a parcel's key; return what follows, and whether the parcel stays to probe.

        A key is given up that has been `gone` for `pace.gone_after` seconds.
        """
        hold = self._holds.get(parcel.key)
        if hold is None:
            self._holds[parcel.key] = Hold(parcel, now if gone else None)
            return Verdict(key_held=parcel.key), True
        if hold.probe is not parcel:
            return NOTHING, False
        if not gone:
            hold.gone_since = None
            return NOTHING, True
        if hold.gone_since is None:
            hold.gone_since = now
        if now < hold.gone_since + pace.gone_after:
            return NOTHING, True
        hold.probe = None
        return Verdict(key_refused=parcel.key), False

    def release(self, key: str) -> bool:
        """Take that a key is good, or that none of its records is left; return whether it was held."""
        return self._holds.pop(key, None) is not None

    def lost(self, parcel: Parcel) -> None:
        """Take that a parcel is gone for good: another has to probe in its place."""
        hold = self._holds.get(parcel.key)
        if hold is not None and hold.probe is parcel:
            hold.probe = None
