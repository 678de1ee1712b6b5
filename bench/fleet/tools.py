"""What is compared: how each tool is called for a job, and what it says it has changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.fleet import ansible, environment, pyinfra
from bench.fleet.job import STATE_OF, Job
from bench.fleet.kinds import AGAIN, CHANGED, FIRST
from bench.fleet.layout import OWN_PYTHON

NEVER_SAYS = -1


@dataclass(frozen=True)
class Tool:
    """One way to do the job. `changed` reads out of what it printed how many hosts it changed, or NEVER_SAYS."""

    name: str
    label: str
    command: Callable[[Job, str], list[str]]
    changed: Callable[[str], int]
    kinds: tuple[str, ...] = (FIRST, AGAIN, CHANGED)
    places_files: bool = True
    environment: Callable[[Job], Mapping[str, str]] = field(default=lambda _: {})


def own(job: Job, kind: str) -> list[str]:
    """Return the real command for a no-op, and the same less the verification where something is to be done."""
    words = ["deploy", *environment.flags(STATE_OF[kind]), "--yes"]
    if kind == AGAIN:
        return [str(OWN_PYTHON.parent / "invoke"), *words]
    return [str(OWN_PYTHON), "-m", "bench.fleet.own_push", *words]


def own_changed(said: str) -> int:
    """Return how many hosts the project says it switched: none, or all those in its last line."""
    last = re.search(r"^ *[0-9.]+s  (host.*): release .*, verified", said, re.MULTILINE)
    return len(last[1].split(", ")) if last else 0


def plain(which: str) -> Callable[[Job, str], list[str]]:
    """Return the call of one of the benchmark's own programs."""
    return lambda job, kind: [
        str(OWN_PYTHON), "-m", "bench.fleet.plain", which, str(job.described(STATE_OF[kind])),
    ]  # fmt: skip


TOOLS = (
    Tool("floor", "floor: connect, one exec", plain("floor"), lambda _: NEVER_SAYS, (AGAIN,), places_files=False),
    Tool("own", "this project", own, own_changed),
    Tool("fabric", "Fabric, looks at nothing", plain("fabric"), lambda _: NEVER_SAYS),
    Tool("pyinfra", "pyinfra", pyinfra.command, pyinfra.changed),
    Tool("mitogen", "ansible-core + mitogen", ansible.command, ansible.changed, environment=ansible.with_mitogen),
    Tool("ansible", "ansible-core", ansible.command, ansible.changed, environment=ansible.alone),
)
