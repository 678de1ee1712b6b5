"""The lab as tables for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from lab.fleet import PartState


def print_status(states: list[PartState]) -> None:
    """Print every part with state, address and whether it is real or a stand-in."""
    Console().print(status_table(states))


def states_as_data(states: list[PartState]) -> dict[str, Any]:
    """Return the parts as --json prints them."""
    return {
        "parts": [
            {
                "name": one.part.name, "state": one.state, "address": one.part.address,
                "stand_in": not one.part.real, "played_by": one.part.played_by,
            }
            for one in states
        ]
    }  # fmt: skip


def status_table(states: list[PartState]) -> Table:
    """Return the table of parts; stand-ins stand out."""
    table = Table(title="lab")
    for heading in ("part", "state", "address", "", "played by"):
        table.add_column(heading)
    for entry in states:
        mark = entry.part.mark if entry.part.real else f"[bold yellow]{entry.part.mark}[/]"
        colour = "green" if entry.state in {"running", "present"} else "red"
        state = f"[{colour}]{entry.state}[/]" if entry.state else "on the hosts"
        table.add_row(entry.part.name, state, entry.part.address, mark, entry.part.played_by)
    return table
