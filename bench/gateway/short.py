"""The short form: the same parts, a few thousand requests, and only counts are judged, never times."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.figures import Row
from bench.gateway import environment
from bench.gateway.load import Load
from bench.gateway.measurement import Machine, measure
from bench.gateway.targets import Target

WAIT_SECONDS = 90
LOADS = {
    "edge": (Load(1, 200), Load(16, 1000), Load(64, 1000), Load(16, 400, stream=True), Load(64, 800, rate=400)),
    "inline": (Load(16, 300), Load(16, 100, stream=True)),
    "direct": (Load(16, 1000),),
}


def run_short(machine: Machine, targets: Sequence[Target], say: Callable[[str], None]) -> list[str]:
    """Put small loads on the provider, the edge and jawn's path, and return what did not add up."""
    problems = []
    for target in targets:
        if target.name not in LOADS:
            continue
        if target.recording == "inline":
            environment.switch("inline")
        for number, load in enumerate(LOADS[target.name]):
            row = measure(machine, target, load, f"short-{target.name}-{number}", WAIT_SECONDS)
            wrong = problem(row, load)
            say(f"{target.label}: {counts(row)}{f'  WRONG: {wrong}' if wrong else ''}")
            problems += [f"{target.label}: {wrong}"] if wrong else []
    return problems


def problem(row: Row, load: Load) -> str:
    """Return what is wrong with the counts of a row, empty if nothing is.

    What jawn's own path records is shown and not judged: under load it loses records, as the original does.
    """
    if row["sent"] != load.count:
        return f"{row['sent']} of {load.count} requests were sent"
    if row["failed"]:
        return f"{row['failed']} of {row['sent']} failed: {row['statuses']}"
    if row["target"] == "edge" and not row["sent"] == row["recorded"] == row["rows"]:
        return f"{row['sent']} sent, {row['recorded']} recorded, in {row['rows']} rows"
    return f"the recorder lost {row['lost']}" if row.get("lost") else ""


def counts(row: Row) -> str:
    """Return a row's counts as text."""
    found = f", {row['recorded']} recorded" if "recorded" in row else ""
    return f"{row['connections']} connections, {row['sent']} sent, {row['failed']} failed{found}"
