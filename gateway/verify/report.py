"""What a verification found, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Failure:
    """A check that did not hold: the host, the check's title, and a sentence with what was found instead."""

    host: str
    check: str
    message: str


@dataclass(frozen=True)
class VerifyReport:
    """The outcome of one verification.

    `hosts` counts the checks of each host; `notes` are sentences about what was, or was not, verified.
    """

    total: int
    passed: int
    failures: tuple[Failure, ...]
    seconds: float
    hosts: Mapping[str, int]
    notes: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Tell whether every check holds."""
        return not self.failures

    def causes(self) -> tuple[Failure, ...]:
        """Return the first failure of each sentence: a missing container fails many checks, and is one cause."""
        first: dict[str, Failure] = {}
        for failure in self.failures:
            first.setdefault(failure.message, failure)
        return tuple(first.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the report as it is printed by --json."""
        return {"ok": self.ok, **asdict(self), "hosts": dict(self.hosts)}
