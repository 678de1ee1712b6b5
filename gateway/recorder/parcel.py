"""A record on its way to Helicone, and what is decided about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Parcel:
    """A record without its bodies, which stay in the spool.

    `given` says that jawn took the last attempt, which ended at `tried_at`; `reason` how it ended. `alone`
    counts the failures with another record's success between them and the failure before.
    """

    seq: int
    id: str
    created: int
    size: int
    key: str
    tries: int = 0
    looks: int = 0
    given: bool = False
    shortened: bool = False
    tried_at: float = 0.0
    failing_since: float | None = None
    failed_at: float | None = None
    alone: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has to be written down after an attempt or a look: nothing, mostly.

    `key_refused` is a key that is gone for so long that its records are given up.
    """

    refused: tuple[Parcel, ...] = ()
    key_held: str = ""
    key_released: str = ""
    key_refused: str = ""


NOTHING = Verdict()
