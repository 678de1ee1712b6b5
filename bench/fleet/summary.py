"""Medians of the runs that count."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from bench.figures import Row, grouped, percentile


def summary(rows: Sequence[Row]) -> list[Row]:
    """Return one row for each tool, number of hosts, distance and job: median, p95 and number of runs that count."""
    merged = []
    for group in grouped((row for row in rows if not row["wrong"]), "tool", "hosts", "far", "job").values():
        seconds = [row["seconds"] for row in group]
        middle: Row = {
            name: statistics.median(row[name] for row in group)
            for name in ("controller_cpu", "machine_cpu", "connections", "execs", "sftp", "sent", "received")
            if name in group[0]
        }
        merged.append({
            **group[0], **middle, "seconds": statistics.median(seconds), "p95": percentile(seconds, 0.95),
            "runs": len(group),
        })  # fmt: skip
    return merged
