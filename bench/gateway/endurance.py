"""The long runs through the edge: many requests with memory sampled, and the highest rate that is recorded whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from bench.figures import Row, growth
from bench.gateway.load import Load
from bench.gateway.measurement import Machine, measure
from bench.gateway.parts import resident_megabytes
from bench.gateway.targets import EDGE_PARTS, Target

SAMPLE_SECONDS = 1.0
KEPT_UP = 0.98  # of the wanted rate: below it the load itself could not be put on


class MemorySamples:
    """Resident memory of the edge's parts, sampled beside the block that it is used around."""

    def __init__(self, machine: Machine) -> None:
        self._parts = [part for part in machine.parts() if part.name in EDGE_PARTS]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.rows: list[Row] = []

    def __enter__(self) -> Self:
        """Begin to sample."""
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take no more samples."""
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.rows.append({"seconds": time.monotonic() - self._began, **resident_megabytes(self._parts)})


def endure(machine: Machine, edge: Target, count: int, rate: float, wait_seconds: float) -> Row:
    """Send many requests at a steady rate, wait until all are recorded, and return the row with memory samples.

    `growth_mb` is how much the median of the last fifth of the samples under load is above that of the second.
    """
    with MemorySamples(machine) as samples:
        row = measure(machine, edge, Load(64, count, rate=rate), "endurance", wait_seconds)
    loaded = [sample for sample in samples.rows if sample["seconds"] <= row["seconds"]]
    return {
        "kind": "endurance",
        **row,
        "growth_mb": {part: growth([sample[part] for sample in loaded]) for part in EDGE_PARTS},
        "memory_samples": samples.rows,
    }


def climb(
    machine: Machine,
    edge: Target,
    rates: Sequence[float],
    seconds: float,
    wait_seconds: float,
    say: Callable[[str], None],
) -> Iterator[Row]:
    """Yield a row for each rate of a climb, and stop after the second in a row that was not held.

    A rate is held when it was reached, nothing failed, and every request is found in the store. The
    backlog of one step is delivered before the next begins.
    """
    missed = 0
    for rate in rates:
        load = Load(256, int(rate * seconds), seconds * 2, rate)
        row = {"kind": "step", **measure(machine, edge, load, f"step-{rate:.0f}", wait_seconds)}
        row["held"] = held(row)
        row["delivered_per_second"] = row["sent"] / (row["seconds"] + row["recorded_after_seconds"])
        say(
            f"{rate:6.0f}/s wanted, {row['throughput']:6.0f}/s answered, sent {row['sent']}, failed {row['failed']},"
            f" recorded {row['recorded']}, median {row['median_ms']:.2f} ms, p99 {row['p99_ms']:.2f} ms"
            f"{'' if row['held'] else '  NOT HELD'}"
        )
        yield row
        missed = 0 if row["held"] else missed + 1
        if missed == 2:
            return


def held(row: Row) -> bool:
    """Return whether a step's rate was reached with nothing failed and every request recorded once."""
    whole = row["failed"] == 0 and row["recorded"] == row["rows"] == row["sent"] and not row.get("lost")
    return bool(whole and row["throughput"] >= KEPT_UP * row["rate"])
