"""One measurement: a cold process does the job, and what it took is counted from outside."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bench.figures import Row
from bench.fleet.job import STATE_OF, Job
from bench.fleet.kinds import AGAIN, FIRST
from bench.fleet.layout import ENVIRONMENT
from bench.fleet.targets import children
from bench.fleet.tools import NEVER_SAYS, Tool
from bench.layout import ROOT
from bench.shell import wait_for
from gateway.commands.project import MERGED

TIMEOUT_SECONDS = 600
_SUBREAPER = 36  # prctl(2): PR_SET_CHILD_SUBREAPER
_TICKS = os.sysconf("SC_CLK_TCK")


def adopt_orphans() -> None:
    """Become the parent of what a tool leaves behind in the background, so that it is counted and can be ended."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def measure(tool: Tool, job: Job, kind: str) -> Row:
    """Do a job once, cold, and return its row; `wrong` says why it must not count, and is empty if it does.

    The targets are made new for a first push; for the others they are as the push before left them.
    """
    if kind == FIRST:
        for target in job.fleet.targets[: job.count]:
            target.wipe()
    if kind != AGAIN:  # what this project keeps of its own rendering must not come from an earlier round
        shutil.rmtree(MERGED / ENVIRONMENT, ignore_errors=True)
    words, variables = tool.command(job, kind), {**os.environ, **tool.environment(job)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # no operator compiles all of a tool at every command
    mine = set(children(os.getpid()))
    job.fleet.forget_logs()
    carried = job.fleet.carried() if job.far else (0, 0)
    spent = {name: process_seconds(process.pid) for name, process in job.fleet.parts.items()}
    with tempfile.TemporaryFile() as output:
        busy, began = machine_seconds(), time.monotonic()
        process = subprocess.Popen(
            words, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            seconds, busy = time.monotonic() - began, machine_seconds() - busy
            left = end_orphans(mine | {process.pid})
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    wait_for(job.fleet.is_quiet, "the end of the connections", TIMEOUT_SECONDS)
    counts = job.fleet.counts()
    row: Row = {
        "tool": tool.name, "label": tool.label, "hosts": job.count, "far": job.far, "job": kind, "seconds": seconds,
        "controller_cpu": usage.ru_utime + usage.ru_stime + left, "machine_cpu": busy,
        **{f"{name}_cpu": process_seconds(one.pid) - spent[name] for name, one in job.fleet.parts.items()},
        "connections": counts.connections, "execs": counts.commands, "sftp": counts.subsystems,
        "changed": tool.changed(said),
    }  # fmt: skip
    if job.far:
        row["sent"], row["received"] = (a - b for a, b in zip(job.fleet.carried(), carried, strict=True))
    return {**row, "wrong": wrong(tool, job, kind, process.returncode, row["changed"], said)}


def wrong(tool: Tool, job: Job, kind: str, code: int, changed: int, said: str) -> str:
    """Return why a run must not count: it failed, files differ from what was wanted, or what it says of changes."""
    if code:
        return f"ended with code {code}: {said.strip()[-500:]}"
    if tool.places_files and (different := job.differences(STATE_OF[kind])):
        return f"{len(different)} files are not as wanted, the first is {different[0]}"
    if changed == NEVER_SAYS:
        return ""
    if kind == AGAIN and changed:
        return f"a second run changed something: {changed}"
    return "it says that nothing was changed" if kind != AGAIN and not changed else ""


def end_orphans(mine: set[int]) -> float:
    """End what a tool left running in the background, and return the processor time of all that it left."""
    spent = 0.0
    for pid in set(children(os.getpid())) - mine:
        os.kill(pid, signal.SIGTERM)
        _, _, usage = os.wait4(pid, 0)
        spent += usage.ru_utime + usage.ru_stime
    return spent


def machine_seconds() -> float:
    """Return the processor time that the machine has been busy, from proc(5) stat; idle and stolen left out."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:7])) / _TICKS


def process_seconds(pid: int) -> float:
    """Return the processor time of one process, from proc(5) stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
