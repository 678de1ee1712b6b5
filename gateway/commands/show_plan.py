"""A plan as the operator reads it, and as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from gateway.migrations import counted
from gateway.plan.build import HostPlan, Plan

UNDO = {
    "restore": (
        "a backup is taken before them. If the deploy fails once any was applied, the old version comes back,",
        "and its data is restored from that set, in this command. Web stands still from the backup until the",
        "new one is up; users and keys made after that are lost by a restore. Recorded requests are not.",
    ),
    "stays": (
        "no backup is taken (migrations.backup is false): if the deploy fails, the old version comes back,",
        "and what was applied stays",
    ),
    "harmless": ("all are declared compatible: if the deploy fails, the old version comes back, and they stay",),
}  # what becomes of an upgrade's migrations when it fails
COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def show_plan(plan: Plan, environment: str) -> None:
    """Print per host what changes in its files and services, then the operations in their order."""
    console = Console(highlight=False, soft_wrap=True)
    if plan.is_empty:
        console.print(Text(f"no changes: {environment} runs release {plan.identifier}", style="green"))
        return
    for host in plan.hosts.values():
        _show_host(console, host)
    console.print(Text(f"\nplan for {environment}, release {plan.identifier}:", style="bold"))
    for phase in (*plan.preparing, *plan.touching):
        for wave in phase.waves:
            for operation in wave:
                console.print(Text(f"  {phase.title:<8}  {operation.host:<10}  {operation.describe()}"))
    console.print(Text("  verify    (all)       every host, or all go back", style=""))


def _show_host(console: Console, host: HostPlan) -> None:
    if not (host.diffs or host.changes or host.altered or host.upgrades):
        console.print(Text(f"{host.host}: nothing changes", style="dim"))
        return
    console.print(Text(f"{host.host}:", style="bold cyan"))
    for path in host.altered:
        console.print(Text(f"  {path} was changed on the host and will be put right", style="yellow"))
    for path, text in host.diffs.items():
        for line in diff_lines(path, text):
            console.print(Text(f"  {line}", style=COLOURS.get(line[:1], "")))
    if host.upgrades:
        _show_migrations(console, host)
    for change in host.changes:
        console.print(Text(f"  {change.action} {change.service}: {change.reason}", style="yellow"))


def diff_lines(path: str, text: str) -> list[str]:
    """Return the lines of a file's diff as people read it: one line for a file that is new."""
    lines = text.splitlines()
    if lines[0].endswith("/dev/null"):
        return [f"+ {path}: new, {len(lines) - 3} lines (to read it: invoke render)"]
    return lines


def _show_migrations(console: Console, host: HostPlan) -> None:
    console.print(
        Text(f"  {counted(host.migrations)} migrations will run; there is no way back from them", style="yellow")
    )
    for names in host.migrations.values():
        for name in names:
            console.print(Text(f"    {name}"))
    for line in UNDO.get(host.undo, ()):
        console.print(Text(f"  {line}", style="yellow"))


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON can hold it."""
    return {
        "release": plan.identifier,
        "changes": not plan.is_empty,
        "hosts": {
            name: {
                "diffs": dict(host.diffs),
                "services": [asdict(change) for change in host.changes],
                "altered": list(host.altered),
                "migrations": {store: list(names) for store, names in host.migrations.items()},
                "undo": host.undo,
            }
            for name, host in plan.hosts.items()
        },
        "operations": [
            {"phase": phase.title, "host": operation.host, "text": operation.describe()}
            for phase in (*plan.preparing, *plan.touching)
            for wave in phase.waves
            for operation in wave
        ],
    }
