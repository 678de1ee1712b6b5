"""The fleet's report: medians, what must not count, goals, and what was not run."""

from __future__ import annotations

import pytest

from bench.fleet.kinds import AGAIN, CHANGED, FIRST
from bench.fleet.report import goals, report, slope
from bench.fleet.summary import summary


def run(tool, hosts, seconds, job=AGAIN, wrong="", **more):
    return {
        "kind": "run", "round": 1, "tool": tool, "label": tool, "hosts": hosts, "far": False, "job": job,
        "seconds": seconds, "controller_cpu": 0.1, "machine_cpu": 0.2, "connections": hosts, "execs": hosts,
        "sftp": 0, "changed": 0, "wrong": wrong, **more,
    }  # fmt: skip


def test_a_run_that_must_not_count_is_in_no_median_and_is_told():
    rows = [run("own", 20, 1.0), run("own", 20, 3.0), run("own", 20, 99.0, wrong="a second run changed something: 1")]
    assert [(row["seconds"], row["p95"], row["runs"]) for row in summary(rows)] == [(2.0, 3.0, 2)]
    text = report(rows)
    assert "2 of 3 jobs count" in text
    assert "a second run changed something" in text
    assert "99" not in text


def test_the_goals_are_measured_at_the_worst_cell():
    rows = summary([
        *(run("own", hosts, 0.5 + hosts * 0.01, job) for hosts in (1, 20, 100) for job in (FIRST, AGAIN, CHANGED)),
        run("floor", 20, 0.5), run("pyinfra", 20, 3.5, FIRST), run("pyinfra", 100, 4.5), run("ansible", 20, 7.0),
    ])  # fmt: skip
    found = {wanted: (measured, reached) for wanted, measured, reached in goals(rows)}
    assert found["no-op at 20 hosts at most 1.3 times the floor, RTT 0"] == ("1.40 times", False)
    assert found["4 times faster than pyinfra in every cell of 20 hosts and more, RTT 0"] == (
        "3.0 times at least (no-op, 100 hosts)", False,
    )  # fmt: skip
    assert found["20 times faster than ansible in every cell of 20 hosts and more, RTT 0"][1] is False
    assert found["a no-op's time grows by less than 15 ms for each host, RTT 0"] == ("10.0 ms", True)
    assert found["no-op at 100 hosts within 2 s, RTT 0"] == ("1.50 s", True)
    assert len(found) == 5


def test_what_was_not_measured_reaches_no_goal():
    assert goals(summary([run("own", 20, 1.0)])) == []
    assert slope([run("own", 20, 1.0)]) is None


@pytest.mark.parametrize("far", [False, True])
def test_cells_without_a_run_show_as_such(far):
    rows = [
        run("own", 1, 1.0, far=far), run("own", 20, 1.0, far=far), run("ansible", 1, 2.0, far=far),
        {"kind": "missing", "tool": "ansible", "hosts": 20, "far": far, "reason": "one run would take about 99 s"},
    ]  # fmt: skip
    text = report(rows)
    assert "| ansible | 2.00 / 2.00 (1) | - |" in text
    assert "- ansible, 20 hosts" in text
    assert "### Cost at 1 hosts" in text
