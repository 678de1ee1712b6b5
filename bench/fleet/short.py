"""The short form: this project, Fabric and the floor on a few targets; counts are judged, never times."""

from __future__ import annotations

from collections.abc import Callable

from bench.figures import Row
from bench.fleet import environment
from bench.fleet.job import prepare
from bench.fleet.kinds import AGAIN
from bench.fleet.measurement import measure
from bench.fleet.targets import fleet
from bench.fleet.tools import TOOLS

HOSTS = 3
ONE_WAY = 0.015
NAMES = ("floor", "own", "fabric")


def run(say: Callable[[str], None]) -> list[str]:
    """Run every job once, near and far, and return what is not as it has to be."""
    problems = []
    with fleet(HOSTS, [ONE_WAY]) as targets, environment.environment(targets):
        for far in (False, True):
            environment.write_hosts(targets, HOSTS, far=far)
            job = prepare(targets, HOSTS, far=far, folder=targets.folder / f"job-{far}")
            for tool in TOOLS:
                for kind in tool.kinds if tool.name in NAMES else ():
                    row = measure(tool, job, kind)
                    found = problem(row)
                    counts = f"{row['connections']} connections, {row['execs']} execs"
                    say(f"{row['label']}, {kind}: {counts}  {found}".rstrip())
                    problems += [f"{row['label']}, {kind}: {found}"] if found else []
    return problems


def problem(row: Row) -> str:
    """Return what is wrong with a row's counts, empty if nothing is: this project needs one exec for each host."""
    if row["wrong"]:
        return str(row["wrong"])
    if row["connections"] != row["hosts"]:
        return f"{row['connections']} connections to {row['hosts']} hosts"
    if row["tool"] != "fabric" and (row["execs"], row["sftp"]) != (row["hosts"], 0):
        return f"{row['execs']} execs and {row['sftp']} transfers on {row['hosts']} hosts"
    if row["tool"] == "own" and row["job"] == AGAIN and row["changed"]:
        return f"it changed {row['changed']} hosts"
    return ""
