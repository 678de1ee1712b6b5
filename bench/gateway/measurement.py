"""One measurement: a load on a target, what the machine's parts spent on it, and whether all of it was recorded."""

from __future__ import annotations

import gzip
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Row, difference, percentile
from bench.gateway import recorded
from bench.gateway.layout import PROVIDER
from bench.gateway.load import Answer, Load, Outcome, send
from bench.gateway.parts import Part, container_part, container_parts, processor_seconds, resident_megabytes
from bench.gateway.targets import Target

STILL_SECONDS = 20  # jawn records at once or never: under load it loses records, and nothing tries again


@dataclass(frozen=True)
class Machine:
    """Where measurements are taken: parts that are no containers of the environment, and the folder of the rows."""

    processes: tuple[Part, ...]
    folder: Path

    def parts(self) -> list[Part]:
        """Return all parts as they are now: a deploy replaces containers."""
        return [*container_parts(), container_part(PROVIDER), *self.processes]


def measure(machine: Machine, target: Target, load: Load, name: str, wait_seconds: float = 600) -> Row:
    """Put a load on a target and return a row of figures; the answers themselves are kept beside it, packed.

    Processor time is per request: `processor_us` until the last answer, `processor_us_recorded` until
    all requests were found in Helicone's store (at most `wait_seconds` later) or, for a target that
    does not record, the same.
    """
    mark = uuid.uuid4().hex
    parts, before_state = machine.parts(), recorded.state() if target.recording == "edge" else {}
    file = machine.folder / f"{name}.rows"
    began, before = time.monotonic(), processor_seconds(parts)
    outcome = send(target.address, {**target.headers, **recorded.header(mark)}, load, file)
    elapsed, after = time.monotonic() - began, processor_seconds(parts)
    row = {
        "name": name,
        "target": target.name,
        "label": target.label,
        "connections": load.connections,
        "stream": load.stream,
        "rate": load.rate,
        **figures(outcome),
        "processor_us": per_request(difference(after, before), outcome),
        "load_processor_us": outcome.processor_seconds / max(1, outcome.sent) * 1e6,
        "machine_busy": (after["machine"] - before["machine"]) / elapsed,
        "machine_stolen": (after["stolen"] - before["stolen"]) / elapsed,
        "memory_mb": resident_megabytes(parts),
    }
    pack(file)
    if target.recorded:
        still = wait_seconds if target.recording == "edge" else STILL_SECONDS
        row |= _proof(mark, outcome, parts, before, (wait_seconds, still))
    if before_state:
        row["lost"] = recorded.lost(recorded.state(), before_state)
    return row


def figures(outcome: Outcome) -> Row:
    """Return what the answers say: counts, rate, and times in milliseconds of those that were answered with 200."""
    good = [answer for answer in outcome.answers if answer.status == 200]
    whole, first = [(one.end - one.due) / 1e3 for one in good], [(one.first - one.due) / 1e3 for one in good]
    return {
        "sent": outcome.sent,
        "failed": outcome.failed,
        "statuses": statuses(outcome.answers),
        "seconds": outcome.seconds,
        "throughput": len(good) / outcome.seconds if outcome.seconds else 0.0,
        "median_ms": percentile(whole, 0.5),
        "p90_ms": percentile(whole, 0.9),
        "p99_ms": percentile(whole, 0.99),
        "first_median_ms": percentile(first, 0.5),
        "first_p99_ms": percentile(first, 0.99),
    }


def statuses(answers: Sequence[Answer]) -> dict[str, int]:
    """Return how many answers had each status; 0 is no whole answer."""
    counted: dict[str, int] = {}
    for answer in answers:
        counted[str(answer.status)] = counted.get(str(answer.status), 0) + 1
    return counted


def per_request(seconds: dict[str, float], outcome: Outcome) -> dict[str, float]:
    """Return processor time as microseconds for each request that was sent."""
    return {name: value / max(1, outcome.sent) * 1e6 for name, value in seconds.items()}


def pack(file: Path) -> None:
    """Compress a file and remove the original."""
    with file.open("rb") as source, gzip.open(f"{file}.gz", "wb", compresslevel=6) as packed:
        shutil.copyfileobj(source, packed)
    file.unlink()


def _proof(
    mark: str, outcome: Outcome, parts: Sequence[Part], before: dict[str, float], wait: tuple[float, float]
) -> Row:
    began = time.monotonic()
    rows, different = recorded.wait_for_rows(mark, outcome.sent, *wait)
    return {
        "mark": mark,
        "recorded": different,
        "rows": rows,
        "recorded_after_seconds": time.monotonic() - began,
        "processor_us_recorded": per_request(difference(processor_seconds(parts), before), outcome),
    }
