"""The figures of a run as Markdown: times side by side, what they cost, and how far the goals are reached."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from bench.figures import Row, grouped, ratio
from bench.fleet.kinds import AGAIN, CHANGED, FIRST
from bench.fleet.summary import summary
from bench.markdown import table
from bench.results import of_kind

FLOOR_TIMES, PYINFRA_TIMES, ANSIBLE_TIMES = 1.3, 4, 20
SLOPE_MS, HUNDRED_SECONDS, MANY = 15, 2, 20
_MACHINE = ("commit", "python", "sshd", "fabric", "paramiko", "ansible-core", "mitogen", "pyinfra")


def report(rows: Sequence[Row]) -> str:
    """Return the whole report of a run."""
    runs = summary(of_kind(rows, "run"))
    sections = [_header(of_kind(rows, "machine"))]
    for far in (False, True):
        chosen = [row for row in runs if row["far"] is far]
        if chosen:
            sections += [_times(chosen, far=far), _costs(chosen, far=far)]
    sections += [_goals(runs), _void(of_kind(rows, "run")), _missing(of_kind(rows, "missing"))]
    return "\n\n".join(section for section in sections if section) + "\n"


def slope(rows: Sequence[Row]) -> float | None:
    """Return by how many seconds each further host lengthens a job, the least squares over all numbers of hosts."""
    points = [(row["hosts"], row["seconds"]) for row in rows]
    if len(points) < 2:
        return None
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def goals(rows: Sequence[Row]) -> list[tuple[str, str, bool]]:
    """Return the goals that the rows can tell of: what is wanted, what was measured, whether it is reached."""
    found = []
    for far in (False, True):
        where = "RTT 30 ms" if far else "RTT 0"
        at = {(row["tool"], row["hosts"], row["job"]): row["seconds"] for row in rows if row["far"] is far}
        own, floor = at.get(("own", MANY, AGAIN)), at.get(("floor", MANY, AGAIN))
        if own and floor:
            times = ratio(own, floor)
            found.append((f"no-op at {MANY} hosts at most {FLOOR_TIMES} times the floor, {where}", f"{times:.2f} times",
                          times <= FLOOR_TIMES))  # fmt: skip
        for rival, wanted in (("pyinfra", PYINFRA_TIMES), ("ansible", ANSIBLE_TIMES)):
            faster = {
                (hosts, job): ratio(seconds, at["own", hosts, job])
                for (tool, hosts, job), seconds in at.items()
                if tool == rival and hosts >= MANY and ("own", hosts, job) in at
            }
            if faster:
                (hosts, job), least = min(faster.items(), key=lambda item: item[1])
                found.append((f"{wanted} times faster than {rival} in every cell of {MANY} hosts and more, {where}",
                              f"{least:.1f} times at least ({job}, {hosts} hosts)", least >= wanted))  # fmt: skip
        again = [row for row in rows if row["far"] is far and row["tool"] == "own" and row["job"] == AGAIN]
        if (each := slope(again)) is not None:
            found.append((f"a no-op's time grows by less than {SLOPE_MS} ms for each host, {where}",
                          f"{each * 1000:.1f} ms", each * 1000 < SLOPE_MS))  # fmt: skip
        if hundred := at.get(("own", 100, AGAIN)):
            found.append((f"no-op at 100 hosts within {HUNDRED_SECONDS} s, {where}", f"{hundred:.2f} s",
                          hundred <= HUNDRED_SECONDS))  # fmt: skip
    return found


def _header(machines: Sequence[Row]) -> str:
    if not machines:
        return ""
    one = machines[-1]
    programs = ", ".join(f"{name} {one[name]}" for name in _MACHINE if name in one)
    return (
        f"{one['date']}; {one['processors']} processors ({one['model']}), {one['memory_gb']} GB, Linux {one['kernel']};"
        f" load average at the start {one['load_average']}; {programs}. Controller and all targets share these"
        " processors. Docker on the targets is a STAND-IN."
    )


def _times(rows: Sequence[Row], *, far: bool) -> str:
    counts = sorted({row["hosts"] for row in rows})
    sections = [f"### Seconds, {'RTT 30 ms through the relay' if far else 'RTT 0'}: median / p95 (runs)"]
    for job in (FIRST, AGAIN, CHANGED):
        lines = []
        for (label,), group in grouped((row for row in rows if row["job"] == job), "label").items():
            at = {row["hosts"]: row for row in group}
            cells = [
                f"{at[n]['seconds']:.2f} / {at[n]['p95']:.2f} ({at[n]['runs']})" if n in at else "-" for n in counts
            ]
            lines.append([label, *cells])
        sections.append(f"**{job}**\n\n{table((job, *(f'{count} hosts' for count in counts)), lines)}")
    return "\n\n".join(sections)


def _costs(rows: Sequence[Row], *, far: bool) -> str:
    """Return what the jobs cost with as many hosts as every tool was run with."""
    common = set.intersection(*({row["hosts"] for row in group} for group in grouped(rows, "tool").values()))
    if not common:
        return ""
    hosts = max(common)
    lines = []
    for row in sorted((row for row in rows if row["hosts"] == hosts), key=lambda row: (row["job"], row["seconds"])):
        moved = [f"{row[name] / 1000 / hosts:,.1f}" if name in row else "-" for name in ("sent", "received")]
        lines.append([
            f"{row['label']}, {row['job']}", f"{row['controller_cpu']:.2f}", f"{row['machine_cpu']:.2f}",
            f"{row['connections'] / hosts:g}", f"{row['execs'] / hosts:g}", f"{row['sftp'] / hosts:g}", *moved,
        ])  # fmt: skip
    head = ("", "controller CPU s", "whole machine CPU s", "connections/host", "execs/host", "transfers/host",
            "kB to each host", "kB back")  # fmt: skip
    return f"### Cost at {hosts} hosts, {'RTT 30 ms' if far else 'RTT 0'}\n\nMedians.\n\n{table(head, lines)}"


def _goals(rows: Sequence[Row]) -> str:
    lines = [[wanted, measured, "yes" if reached else "**no**"] for wanted, measured, reached in goals(rows)]
    return f"### Goals\n\n{table(('goal', 'measured', 'reached'), lines)}" if lines else ""


def _void(rows: Sequence[Row]) -> str:
    lines = [
        f"- {row['label']}, {row['job']}, {row['hosts']} hosts, round {row['round']}: {row['wrong'][:200]!r}"
        for row in rows if row["wrong"]
    ]  # fmt: skip
    counted = f"{len(rows) - len(lines)} of {len(rows)} jobs count: files were as wanted after each of them."
    return "### Void\n\n" + "\n".join([counted, *(["", *lines] if lines else [])])


def _missing(rows: Sequence[Row]) -> str:
    lines = [
        f"- {row['tool']}, {row['hosts']} hosts, {'RTT 30 ms' if row['far'] else 'RTT 0'}: {row['reason']}"
        for row in rows
    ]
    return "### Not run\n\n" + "\n".join(lines) if lines else ""
