"""Where the steps stand on the axis of time."""

from __future__ import annotations

import itertools

import pytest

from gateway.console import Step
from gateway.report.timeline import round_steps, timeline

STEPS = [
    Step("app1", "switch", 10.0, 30.0, failed=True),
    Step("app1", "upload", 0.001, 20.0),
    Step("", "verify", 10.0, 50.0),
]


def test_the_axis_begins_with_the_first_step_and_ends_with_the_last():
    found = timeline(STEPS)
    assert found["seconds"] == 40.0
    assert [host["name"] for host in found["hosts"]] == ["app1", "all hosts"]
    upload, switch = found["hosts"][0]["bars"]
    assert (upload["text"], upload["start"]) == ("upload", 0)
    assert upload["width"] > 0.1  # too short a bar would not be seen
    assert (switch["start"], switch["width"], switch["at"], switch["failed"]) == (25.0, 25.0, 10.0, True)
    [verify] = found["hosts"][1]["bars"]
    assert verify["start"] + verify["width"] == pytest.approx(100)
    assert [tick["text"] for tick in found["ticks"]] == ["0 s", "10 s", "20 s", "30 s", "40 s"]


def test_a_short_step_at_the_end_stays_on_the_axis():
    found = timeline([Step("a", "x", 100.0, 0.0), Step("a", "y", 0.0, 100.0)])
    assert all(bar["start"] + bar["width"] <= 100 for bar in found["hosts"][0]["bars"])


def test_nothing_done_is_no_timeline():
    assert timeline([]) == {"seconds": 0.0, "hosts": [], "ticks": []}


@pytest.mark.parametrize("total", [0.01, 0.3, 1.0, 7.0, 59.9, 61, 999, 3600, 86400])
def test_ticks_are_few_and_round(total):
    steps = round_steps(total, 6)
    assert 2 <= len(steps) <= 7
    assert steps[0] == 0
    assert steps[-1] <= total
    assert len({round(later - earlier, 6) for earlier, later in itertools.pairwise(steps)}) == 1
