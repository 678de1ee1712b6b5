"""`python -m bench.checks [HOSTS [TIMES]]`: time `invoke verify` on so many hosts. See docs/performance-commands.md."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.fleet import environment
from bench.fleet.targets import Fleet, fleet
from bench.layout import ROOT
from bench.shell import require, wait_for

_INSIDE = "HELICONE_BENCH_CHECKS_INSIDE"


def main(hosts: int = 20, times: int = 5) -> None:
    """Deploy to so many targets and print what `verify`, and as the floor `history`, cost in each run."""
    with fleet(hosts) as targets, environment.environment(targets):
        deploy = ["-m", "bench.fleet.own_push", "deploy", "--yes", *environment.flags("before")]
        done = subprocess.run([sys.executable, *deploy], cwd=ROOT, capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"the deploy failed: {done.stderr[-500:]}")
        with engine(targets):
            print(f"{hosts} hosts on one machine with {os.cpu_count()} processors; Docker's engine is a STAND-IN")
            rows = [measured(targets, "verify") for _ in range(times)]
            floor = [measured(targets, "history") for _ in range(times)]
    print("command   whole s  its own s  controller CPU s  checks  hold  connections  execs  round trips")
    for row in (*floor, *rows):
        print(
            f"{row['command']:9}{row['whole']:8.2f}{row['own']:11.2f}{row['cpu']:18.2f}{row['checks']:8}{row['hold']:6}"
            f"{row['connections']:13}{row['execs']:7}{row['round_trips']:13}"
        )
    for name, found in (("history", floor), ("verify", rows)):
        print(f"{name}: median {statistics.median(row['whole'] for row in found):.2f} s of {len(found)} runs")


@contextlib.contextmanager
def engine(targets: Fleet) -> Iterator[None]:
    """Let the stand-in that knows containers in full answer in the place of the fleet's."""
    plain = targets.parts["engine"]
    plain.terminate()
    plain.wait()
    folders = [str(target.folder) for target in targets.targets]
    command = [sys.executable, "-m", "bench.checks.engine", *folders]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None  # noqa: S101 - stdin=PIPE and stdout=PIPE give one each
        assert process.stdout is not None  # noqa: S101
        require(process.stdout.readline() == b"ready\n", "the stand-in of the engine did not start")
        yield
        process.stdin.close()


def measured(targets: Fleet, command: str) -> dict[str, Any]:
    """Type a command once, in a process of its own, and return what it cost."""
    targets.forget_logs()
    notes = targets.folder / "round-trips.jsonl"
    notes.write_text("")
    words = [sys.executable, "-m", "lab.counted", str(notes), command, *environment.flags("before")[:4], "--json"]
    before, started = _processor_time(), time.monotonic()
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    whole, cpu = time.monotonic() - started, _processor_time() - before
    require(
        done.returncode in (0, 7), f"{command} failed: {done.stderr[-500:]}"
    )  # 7: nothing runs, so some do not hold
    wait_for(targets.is_quiet, "the end of the connections", 30)
    data = json.loads(done.stdout)
    report = data.get("report", data)
    counts = targets.counts()
    return {
        "command": command, "whole": whole, "own": report.get("seconds", 0.0), "cpu": cpu,
        "checks": report.get("total", 0), "hold": report.get("passed", 0),
        "connections": counts.connections, "execs": counts.commands,
        "round_trips": sum(json.loads(line)["round_trips"] for line in notes.read_text().splitlines()),
    }  # fmt: skip


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _inside(words: list[str]) -> None:
    """Begin again in a network of its own, so that no other fleet on this machine has the same addresses."""
    script = f'ip link set lo up && exec "{sys.executable}" -m bench.checks "$@"'
    os.environ[_INSIDE] = "1"
    os.chdir(Path(ROOT))
    os.execvp("unshare", ["unshare", "--net", "sh", "-c", script, "bench", *words])  # noqa: S606


if __name__ == "__main__":
    if _INSIDE not in os.environ:
        _inside(sys.argv[1:])
    main(*map(int, sys.argv[1:]))
