"""Numbers out of numbers: percentiles, medians over rounds, ratios."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that at least `share` of them do not exceed; of no values 0."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def median_row(rows: Sequence[Row]) -> Row:
    """Return one row with the median of every number in rows of the same kind, also of those in mappings.

    A number that some rows lack is the median of the others; what is no number is taken from the first row.
    """
    merged: Row = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row[name] for row in rows if row.get(name) is not None]
        merged[name] = _middle(values)
    return merged


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Return the rows by the values of some of their fields, in the order in which these first appear."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def ratio(value: float, base: float) -> float:
    """Return how many times `base` a value is; infinite when there is no base."""
    return value / base if base else math.inf


def difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """Return how much each named number grew; names that were not there before count from 0."""
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


def growth(values: Sequence[float]) -> float:
    """Return how much the median of the last fifth of a series is above that of its second fifth."""
    fifth = len(values) // 5
    if not fifth:
        return 0.0
    return statistics.median(values[-fifth:]) - statistics.median(values[fifth : 2 * fifth])


def _middle(values: Sequence[Any]) -> Any:
    if not values:
        return None
    if all(isinstance(value, dict) for value in values):
        return median_row(values)
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return statistics.median(values)
    return values[0]
