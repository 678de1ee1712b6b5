"""`python -m bench.fleet`: run the benchmark. See docs/performance.md."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import results
from bench.figures import Row
from bench.fleet import environment, short
from bench.fleet.job import Job, prepare
from bench.fleet.layout import PAGE, VIRTUAL_ENVIRONMENT
from bench.fleet.measurement import adopt_orphans, measure
from bench.fleet.plot import LINKS, PREFIX
from bench.fleet.report import report
from bench.fleet.schedule import Cell, Limits, Schedule, missing, runs
from bench.fleet.targets import Fleet, fleet
from bench.fleet.tools import TOOLS, Tool
from bench.fleet.versions import versions
from bench.layout import ROOT
from bench.progress import say
from bench.publish import REPORT, publish
from gateway.errors import GatewayError


def options(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--short", action="store_true", help="half a minute; judges counts, without other tools")
    parser.add_argument("--publish", metavar="FOLDER", type=Path, help="put the results of a run into docs/, and end")
    parser.add_argument("--into", metavar="FOLDER", type=Path, help="go on with a run: add its rows to these")
    parser.add_argument("--tools", default=",".join(tool.name for tool in TOOLS))
    parser.add_argument("--hosts", default="1,5,20,50,100", help="numbers of targets")
    parser.add_argument("--rtt", default="0,30", help="milliseconds; 0 is without the relay")
    parser.add_argument("--rounds", type=int, default=10, help="each begins with another tool")
    parser.add_argument("--minutes", type=float, default=55, help="after which no run begins")
    parser.add_argument("--cell-seconds", type=float, default=60, help="for one tool with one number of hosts")
    parser.add_argument("--longest", type=float, default=40, help="seconds; what would take longer is not run")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run what was asked for and return the exit code: 0, or 1 if something must not count."""
    chosen = options(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is ended and removed
    if chosen.publish:
        publish(chosen.publish, PAGE, LINKS, prefix=PREFIX)
        return 0
    adopt_orphans()
    try:
        if chosen.short:
            problems = short.run(say)
            say("; ".join(problems) or "counts, files and answers are as they have to be")
            return 1 if problems else 0
        return full(chosen)
    except GatewayError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def full(chosen: argparse.Namespace) -> int:
    """Run everything, keep the rows, and write report and drawings beside them."""
    folder = chosen.into or results.new_folder("fleet-")
    tools = [tool for tool in TOOLS if tool.name in chosen.tools.split(",")]
    counts = [int(word) for word in chosen.hosts.split(",")]
    trips = [float(word) / 1000 for word in chosen.rtt.split(",")]
    limits = Limits(chosen.rounds, chosen.cell_seconds, chosen.longest, chosen.minutes * 60)
    results.keep(folder, results.machine(**versions()))
    with fleet(max(counts), [trip / 2 for trip in trips if trip]) as targets, environment.environment(targets):
        say(f"{len(targets.targets)} targets answer")
        for row in rows(targets, tools, [(count, trip > 0) for count in counts for trip in trips], limits):
            results.keep(folder, row)
    kept = results.read(folder)
    (folder / REPORT).write_text(report(kept))
    if shutil.which("python", path=VIRTUAL_ENVIRONMENT / "bin"):
        python = str(VIRTUAL_ENVIRONMENT / "bin" / "python")
        subprocess.run([python, "-m", "bench.fleet.plot", str(folder)], cwd=ROOT, check=True)
    say(f"report: {folder / REPORT}")
    return 1 if any(row.get("wrong") for row in kept) else 0


def rows(targets: Fleet, tools: Sequence[Tool], cells: Sequence[tuple[int, bool]], limits: Limits) -> Iterator[Row]:
    """Make the runs and yield their rows, then those for what was not run."""
    schedule, refused, jobs = Schedule(limits), dict[Cell, str](), dict[tuple[int, bool], Job]()
    with contextlib.suppress(KeyboardInterrupt):
        for number, place, hosts, far, tool in runs(schedule, tools, cells, refused):
            environment.write_hosts(targets, hosts, far=far)
            if (hosts, far) not in jobs:
                jobs[hosts, far] = prepare(targets, hosts, far=far, folder=targets.folder / f"job-{hosts}-{far}")
            done = [measure(tool, jobs[hosts, far], kind) for kind in tool.kinds]
            schedule.note(done)
            for row in done:
                say(described(row))
                yield {"kind": "run", "round": number, "place": place, **row}
    yield from missing(refused, schedule.spent)


def described(row: Row) -> str:
    """Return a row as a line for people."""
    return (
        f"{row['label']:<26} {row['hosts']:>3} hosts {'far ' if row['far'] else 'near'} {row['job']:<20}"
        f" {row['seconds']:7.2f} s  {row['execs']} execs{'  WRONG: ' if row['wrong'] else ''}{row['wrong']}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
