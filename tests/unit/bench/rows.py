"""Rows as a run makes them, for the tests of what is done with rows."""

from __future__ import annotations

from typing import Any

LABELS = {"direct": "provider direct", "edge": "this edge, recording on", "inline": "jawn inline (STAND-IN)",
          "litellm": "LiteLLM proxy, recording nothing"}  # fmt: skip


def measured(target: str, median: float, **changes: Any) -> dict[str, Any]:
    """Return the row of one measurement."""
    row = {
        "name": "x", "target": target, "label": LABELS[target], "connections": 16, "stream": False, "rate": 0,
        "sent": 100, "failed": 0, "statuses": {"200": 100}, "seconds": 2.0, "throughput": 50.0, "median_ms": median,
        "p90_ms": median * 2, "p99_ms": median * 3, "first_median_ms": median, "first_p99_ms": median,
        "processor_us": {"gateway": 40.0, "recorder": 60.0, "keys": 0.1, "jawn": 500.0, "litellm": 9000.0,
                         "provider": 80.0, "machine": 900.0, "stolen": 0.0},
        "load_processor_us": 8.0, "machine_busy": 1.5, "machine_stolen": 0.0,
        "memory_mb": {"gateway": 80.0, "recorder": 30.0, "keys": 1.0, "litellm": 1000.0, "jawn": 60.0},
    }  # fmt: skip
    if target in ("edge", "inline"):
        row |= {"mark": "m", "recorded": 100, "rows": 100, "recorded_after_seconds": 3.0}
    return row | changes


def compared(target: str, median: float, number: int = 1, case: str = "16", **changes: Any) -> dict[str, Any]:
    """Return a row of the comparison."""
    return {"kind": "comparison", "round": number, "place": 1, "case": case, **measured(target, median, **changes)}


def step(rate: float, **changes: Any) -> dict[str, Any]:
    """Return a row of the climb."""
    return {
        "kind": "step", **measured("edge", 1.0, rate=rate, throughput=rate), "held": True,
        "delivered_per_second": 300.0, **changes,
    }  # fmt: skip


def endured() -> dict[str, Any]:
    """Return the row of the long run."""
    samples = [{"seconds": float(n), "gateway": 80.0, "recorder": 30.0 + n, "keys": 1.0} for n in range(5)]
    return {
        "kind": "endurance", **measured("edge", 1.0, rate=1000.0, sent=100000, recorded=100000),
        "growth_mb": {"gateway": 0.0, "recorder": 2.0, "keys": 0.0}, "memory_samples": samples,
    }  # fmt: skip
