"""Connections, execs and round trips: counted by sshd and by the conversations, never more than the budget says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lab.hosts import ssh_counts
from tests.lab.budgets import BUDGETS, Budget
from tests.lab.command import ADDRESSES, ROOT

pytestmark = pytest.mark.usefixtures("as_found_in_the_end")


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: " ".join([budget.command, *budget.words]))
def test_a_command_keeps_to_its_budget(budget: Budget, tmp_path):
    notes = tmp_path / "round-trips.jsonl"
    notes.touch()
    before = {host: ssh_counts(host) for host in ADDRESSES}
    typed = [sys.executable, "-m", "lab.counted", str(notes), budget.command, "--env", "lab", *budget.words]
    done = subprocess.run(typed, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    # An earlier test's killed recorder is held against the hosts for an hour; it changes nothing that is counted here.
    assert done.returncode in ((0, 7) if budget.command == "verify" else (0,)), done.stdout + done.stderr
    after = {host: ssh_counts(host) for host in ADDRESSES}
    connections = max(after[host][0] - before[host][0] for host in ADDRESSES)
    execs = max(after[host][1] - before[host][1] for host in ADDRESSES)
    trips: dict[str, int] = {}
    for line in notes.read_text().splitlines():
        note = json.loads(line)
        trips[note["host"]] = trips.get(note["host"], 0) + note["round_trips"]
    assert (connections, execs) == (budget.connections, budget.execs)
    assert max(trips.values()) <= budget.round_trips, trips
