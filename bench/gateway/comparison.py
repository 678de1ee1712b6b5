"""The comparison: every target with every kind of load, several rounds, each beginning with another target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.figures import Row
from bench.gateway import environment
from bench.gateway.load import Load
from bench.gateway.measurement import Machine, measure
from bench.gateway.targets import Target, order

WARM_UP = 0.1  # of a load, sent before it


@dataclass(frozen=True)
class Case:
    """A named kind of load."""

    name: str
    load: Load


def cases(count: int, seconds: float) -> tuple[Case, ...]:
    """Return the four kinds of load; with one connection a fifth of the requests is enough."""
    return (
        Case("1", Load(1, count // 5, seconds)),
        Case("16", Load(16, count, seconds)),
        Case("64", Load(64, count, seconds)),
        Case("16 streams", Load(16, count // 2, seconds, stream=True)),
    )


def compare(
    machine: Machine, targets: Sequence[Target], kinds: Sequence[Case], rounds: int, say: Callable[[str], None]
) -> Iterator[Row]:
    """Yield a row for each measurement. The environment is deployed anew where a target needs another path."""
    current = "edge"
    for number in range(rounds):
        for place, target in enumerate(order(tuple(targets), number)):
            if target.recording and target.recording != current:
                environment.switch(target.recording)
                current = target.recording
            for kind in kinds:
                name = f"{number + 1}-{target.name}-{kind.name.replace(' ', '-')}"
                measure(machine, target, warm_up(kind.load), f"{name}-warm-up")
                row = {"round": number + 1, "place": place + 1, "case": kind.name}
                row |= measure(machine, target, kind.load, name)
                say(described(row))
                yield row
    if current != "edge":
        environment.switch("edge")


def warm_up(load: Load) -> Load:
    """Return a short load of the same kind."""
    return replace(load, count=max(load.connections, int(load.count * WARM_UP)), seconds=load.seconds / 2)


def described(row: Row) -> str:
    """Return a row as a line for people."""
    found = f", recorded {row['recorded']}" if "recorded" in row else ""
    return (
        f"round {row['round']}  {row['label']:<34} {row['case']:>10}  median {row['median_ms']:8.3f} ms"
        f"  p99 {row['p99_ms']:8.3f} ms  {row['throughput']:7.0f}/s  sent {row['sent']}, failed {row['failed']}{found}"
    )
