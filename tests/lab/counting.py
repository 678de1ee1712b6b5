"""Commands typed as an operator does, held to their budget of connections, execs and round trips."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.hosts import ssh_counts
from tests.lab.budgets import Budget
from tests.lab.command import ADDRESSES, ROOT, Result


def typed(budget: Budget, *more: str) -> Result:
    """Type a budget's command, with `more` words, and assert that no host was asked more often than it says.

    Connections and execs are those that sshd counted; the conversations themselves count their round trips.
    """
    before = {host: ssh_counts(host) for host in ADDRESSES}
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "round-trips.jsonl"
        words = [sys.executable, "-m", "lab.counted", str(notes), budget.command, "--env", "lab", *budget.words, *more]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        lines = notes.read_text().splitlines() if notes.exists() else []
    after = {host: ssh_counts(host) for host in ADDRESSES}
    trips: dict[str, int] = {}
    for note in map(json.loads, lines):
        trips[note["host"]] = trips.get(note["host"], 0) + note["round_trips"]
    result = Result(done.returncode, done.stdout, done.stderr)
    connections, execs = (max(after[host][which] - before[host][which] for host in ADDRESSES) for which in (0, 1))
    assert (connections, execs) == (budget.connections, budget.execs), result.text
    assert max(trips.values()) <= budget.round_trips, trips
    return result
