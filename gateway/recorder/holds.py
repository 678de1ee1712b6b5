"""Keys that jawn refuses: one record of each probes, the others wait in the spool and block nobody.

Without PostgreSQL jawn refuses good keys too, so a refusal counts only after it has lasted long.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from .parcel import NOTHING, Parcel, Verdict
from .settings import Pace


@dataclass(slots=True)
class Hold:
    """Since when (wall clock, it outlives the process) a key is refused, and the parcel that probes for it.

    `gone_since` is since when all answers, of this process's attempts, were that there is no such key.
    """

    since: float
    probe: Parcel | None = None
    gone_since: float | None = None


class Holds:
    """The held keys. The caller has the lock."""

    def __init__(self) -> None:
        self._holds: dict[str, Hold] = {}

    def load(self, keys: dict[str, float]) -> None:
        """Begin with keys that are known to be refused since a time."""
        self._holds.update({key: Hold(since) for key, since in keys.items()})

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

    def refused(self, parcel: Parcel, gone: bool, pace: Pace) -> tuple[Verdict, bool]:
        """Take that jawn refused a parcel's key; return what follows, and whether the parcel stays to probe.

        A key is given up that has been refused for `pace.refuse_after` seconds, or `gone` for `pace.gone_after`.
        """
        hold, now = self._holds.get(parcel.key), time.time()
        if hold is None:
            self._holds[parcel.key] = Hold(now, parcel, now if gone else None)
            return Verdict(key_held=parcel.key), True
        if hold.probe is not parcel:
            return NOTHING, False
        hold.gone_since = (hold.gone_since or now) if gone else None
        given_up_at = hold.since + pace.refuse_after if hold.gone_since is None else hold.gone_since + pace.gone_after
        if now < given_up_at:
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
