"""Latencies by hour as small drawings, all on the same axes, so that they can be compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

HOUR = 3600
WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 58, 20, 152  # the plot's edges; right of it stand the names of the lines
_APART = 13  # the least distance of two names
LINES = (("p50_ms", "median"), ("p99_ms", "p99"))

Series = Mapping[str, Sequence[Mapping[str, Any]]]


def drawings(series: Sequence[Series], now: float, hours: int) -> list[list[dict[str, Any]]]:
    """Return for each of `series` (its names with their hours) one drawing per name, on axes that all share.

    An hour has `hour` (the second since the epoch at which it begins), `p50_ms` and `p99_ms`. The time
    axis ends with the hour of `now`, the other one is logarithmic.
    """
    last = int(now // HOUR) * HOUR
    first = last - (hours - 1) * HOUR
    values = [
        one[key] for names in series for points in names.values() for one in points for key, _ in LINES
        if one[key] is not None and one["hour"] >= first
    ]  # fmt: skip
    if not values:
        return [[] for _ in series]
    bottom = math.floor(math.log10(max(min(values), 1)))
    top = max(math.ceil(math.log10(max(*values, 1))), bottom + 1)

    def across(hour: float) -> float:
        return round(LEFT + (WIDTH - RIGHT - LEFT) * (hour - first) / max(last - first, 1), 1)

    def up(milliseconds: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (math.log10(max(milliseconds, 1)) - bottom) / (top - bottom), 1)

    axes = {
        "across": [{"at": across(hour), "text": _clock(hour)} for hour in range(first, last + 1, HOUR) if _shown(hour)],
        "up": [{"at": up(10**power), "text": milliseconds_text(10**power)} for power in range(bottom, top + 1)],
    }
    return [
        [
            {"name": name, "axes": axes, "lines": list(_lines(points, first, across, up))}
            for name, points in names.items()
        ]
        for names in series
    ]


def _lines(points: Sequence[Mapping[str, Any]], first: int, across: Any, up: Any) -> Iterator[dict[str, Any]]:
    """Yield each line as the pieces between hours without requests, and where its name stands."""
    places: list[float] = []
    for key, name in LINES:
        known = [one for one in sorted(points, key=lambda one: one["hour"]) if one[key] is not None]
        known = [one for one in known if one["hour"] >= first]
        pieces: list[list[tuple[float, float]]] = []
        for place, one in enumerate(known):
            if not place or one["hour"] - known[place - 1]["hour"] > HOUR:
                pieces.append([])
            pieces[-1].append((across(one["hour"]), up(one[key])))
        if not pieces:
            continue
        across_, up_ = pieces[-1][-1]
        height = min([up_, *(place - _APART for place in places if abs(place - up_) < _APART)])
        places.append(height)
        yield {
            "key": key, "name": name, "pieces": pieces, "label": {"x": across_ + 7, "y": height + 4},
            "value": milliseconds_text(known[-1][key]),
        }  # fmt: skip


def milliseconds_text(milliseconds: float) -> str:
    """Return a time with the unit in which it is short: `250 ms`, `1.5 s`, `10 s`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.3g} s"


def _shown(hour: int) -> bool:
    return datetime.fromtimestamp(hour).astimezone().hour % 6 == 0


def _clock(hour: int) -> str:
    return f"{datetime.fromtimestamp(hour).astimezone():%H:%M}"
