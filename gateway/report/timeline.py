"""Where the steps of a command stand on an axis of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.console import Step

EVERYWHERE = "all hosts"
_LEAST = 0.3  # percent: a shorter bar would not be seen
_MOST_TICKS = 6


def timeline(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the steps by host, in the order in which they began, as shares of the time from the first to the last.

    The axis begins with the first step: what the operator took to say yes before it is not shown.
    """
    if not steps:
        return {"seconds": 0.0, "hosts": [], "ticks": []}
    begin = min(step.started for step in steps)
    total = max(max(step.started + step.seconds for step in steps) - begin, 0.01)
    hosts: dict[str, list[dict[str, Any]]] = {}
    for step in sorted(steps, key=lambda one: one.started):
        start = 100 * (step.started - begin) / total
        width = max(100 * step.seconds / total, _LEAST)
        hosts.setdefault(step.host or EVERYWHERE, []).append({
            "text": step.text, "start": min(start, 100 - width), "width": width, "failed": step.failed,
            "seconds": step.seconds, "at": round(step.started - begin, 1),
        })  # fmt: skip
    ticks = [{"at": 100 * second / total, "text": f"{second:g} s"} for second in round_steps(total, _MOST_TICKS)]
    return {"seconds": round(total, 1), "hosts": [{"name": n, "bars": b} for n, b in hosts.items()], "ticks": ticks}


def round_steps(total: float, most: int) -> list[float]:
    """Return 0 and the round numbers up to `total`, at most `most` of them besides."""
    return next(
        [float(f"{step * number:.6g}") for number in range(int(total / step) + 1)]
        for step in _round_numbers()
        if total / step <= most
    )


def _round_numbers() -> Iterable[float]:
    return (factor * 10.0**power for power in range(-3, 7) for factor in (1, 2, 5))
