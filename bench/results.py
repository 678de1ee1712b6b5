"""Keeping rows: a folder for each run, one JSON object a line, written as soon as it is known."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable
from pathlib import Path

from bench.figures import Row
from bench.layout import RESULTS

ROWS = "rows.jsonl"


def new_folder(prefix: str = "") -> Path:
    """Make and return the folder of a run that begins now; `prefix` says of what, before the date."""
    folder = RESULTS / f"{prefix}{time.strftime('%Y-%m-%d-%H%M%S', time.gmtime())}"
    folder.mkdir(parents=True)
    return folder


def keep(folder: Path, row: Row) -> Row:
    """Append a row to the folder's file and return it."""
    with (folder / ROWS).open("a") as file:
        file.write(json.dumps(row) + "\n")
    return row


def read(folder: Path) -> list[Row]:
    """Return the rows of a run."""
    return [json.loads(line) for line in (folder / ROWS).read_text().splitlines()]


def of_kind(rows: Iterable[Row], kind: str) -> list[Row]:
    """Return the rows of one kind: machine, comparison, endurance, step, recorder."""
    return [row for row in rows if row["kind"] == kind]


def machine(**facts: object) -> Row:
    """Return the row that says where and on what a run was made."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in cpu.splitlines() if line.startswith("model name")), "")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    return {
        "kind": "machine",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processors": cpu.count("processor\t:"),
        "model": model or platform.machine(),
        "memory_gb": round(memory, 1),
        "kernel": platform.release(),
        "load_average": Path("/proc/loadavg").read_text().split()[0],
        **facts,
    }
