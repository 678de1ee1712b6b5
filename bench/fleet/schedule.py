"""Which runs are made, in which order, and when a cell has had its share of the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.figures import Row
from bench.fleet.tools import Tool

Cell = tuple[str, int, bool]


@dataclass(frozen=True)
class Limits:
    """How much is run: rounds at most, seconds for a tool in one cell, the longest that one job may take, in all."""

    rounds: int
    cell_seconds: float
    longest_seconds: float
    all_seconds: float


@dataclass
class Schedule:
    """What was spent so far, by tool, number of hosts and distance, and what one run of a cell took last."""

    limits: Limits
    clock: Callable[[], float] = time.monotonic
    spent: dict[Cell, float] = field(default_factory=dict)
    last: dict[Cell, float] = field(default_factory=dict)
    began: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.clock()

    def note(self, rows: Sequence[Row]) -> None:
        """Add what the jobs of one run of a cell took."""
        cell = (rows[0]["tool"], rows[0]["hosts"], rows[0]["far"])
        self.last[cell] = sum(row["seconds"] for row in rows)
        self.spent[cell] = self.spent.get(cell, 0.0) + self.last[cell]

    def refusal(self, tool: Tool, hosts: int, *, far: bool) -> str:
        """Return why the cell gets no run any more, empty if it does.

        What a first run will take is told from fewer hosts, as if time grew with their number.
        """
        cell = (tool.name, hosts, far)
        left = self.limits.all_seconds - (self.clock() - self.began)
        expected = self.last.get(cell) or self._expected(cell)
        if expected > self.limits.longest_seconds * len(tool.kinds):
            return f"one run would take about {expected:.0f} s"
        if self.spent.get(cell, 0.0) + expected / 2 > self.limits.cell_seconds and cell in self.spent:
            return f"it has had its {self.limits.cell_seconds:.0f} s"
        return "no time is left" if expected > left else ""

    def _expected(self, cell: Cell) -> float:
        name, hosts, far = cell
        fewer = [known for known in self.last if known[0] == name and known[2] == far and known[1] < hosts]
        if not fewer:
            return 0.0
        largest = max(fewer, key=lambda known: known[1])
        return self.last[largest] * hosts / max(largest[1], 5)


def order(tools: Sequence[Tool], number: int) -> list[Tool]:
    """Return the tools in the order of a round: each round begins with the next one."""
    start = number % len(tools)
    return [*tools[start:], *tools[:start]]


def runs(
    schedule: Schedule, tools: Sequence[Tool], cells: Sequence[tuple[int, bool]], refused: dict[Cell, str]
) -> Iterator[tuple[int, int, int, bool, Tool]]:
    """Yield round, place in it, hosts, distance and tool of each run; note in `refused` what is not run, and why."""
    for number in range(schedule.limits.rounds):
        for hosts, far in cells:
            for place, tool in enumerate(order(tools, number)):
                if reason := schedule.refusal(tool, hosts, far=far):
                    refused.setdefault((tool.name, hosts, far), reason)
                    continue
                yield number + 1, place + 1, hosts, far, tool


def missing(refused: Mapping[Cell, str], spent: Mapping[Cell, float]) -> list[Row]:
    """Return a row for each cell that was never run, with the reason."""
    return [
        {"kind": "missing", "tool": name, "hosts": hosts, "far": far, "reason": reason}
        for (name, hosts, far), reason in refused.items()
        if (name, hosts, far) not in spent
    ]
