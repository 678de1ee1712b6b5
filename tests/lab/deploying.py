"""Deploys that a test watches, breaks into and waits for, and what they leave on the hosts."""

from __future__ import annotations

import os
import subprocess

from tests.lab.changing import all_free
from tests.lab.command import ROOT, arguments

SETTLED = 120.0
OUTPUT = ROOT / ".lab" / "faults-deploy.txt"


def deploying(mark: str) -> subprocess.Popen[str]:
    """Start a deploy that changes jawn on both app hosts; its plan and its outcome go to a file, see `ended`."""
    command = ["deploy", "--env", "lab", "--yes", "--set", f"jawn.environment.LAB_MARK={mark}"]
    with OUTPUT.open("w") as output:
        return subprocess.Popen(
            arguments(*command), cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a deploy and return its code and what it printed since the last line that was read."""
    _, err = process.communicate(timeout=300)
    return process.returncode, OUTPUT.read_text() + err


def wait_for_line(process: subprocess.Popen[str], *words: str) -> None:
    """Read a deploy's progress up to a line with all of these words."""
    assert process.stderr is not None
    read = ""
    for line in process.stderr:
        read += line
        if all(word in line for word in words):
            return
    raise AssertionError(f"no {words!r} in: {read}")


def settled() -> dict[str, str]:
    """Wait until nobody changes a host any more, and return each one's release; every one must be whole."""
    hosts = all_free(SETTLED)
    for name, host in hosts.items():
        assert not host["state"].startswith(("interrupted", "drifted", "no release")), (name, host["state"])
    return {name: host["release"] for name, host in hosts.items()}
