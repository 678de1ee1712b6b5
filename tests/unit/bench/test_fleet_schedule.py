"""Which runs are made: the order rotates, and no cell takes more than its share."""

from __future__ import annotations

import pytest

from bench.fleet.schedule import Limits, Schedule, missing, order, runs
from bench.fleet.tools import TOOLS

FLOOR, OWN = TOOLS[:2]
ANSIBLE = TOOLS[-1]


@pytest.fixture
def clock():
    """Return a clock that stands still until a run moves it."""
    return [0.0]


def schedule(clock, rounds=3, cell=60, longest=40, whole=3600):
    return Schedule(Limits(rounds, cell, longest, whole), lambda: clock[0])


def made(plan, clock, tools, cells, seconds):
    """Return the runs that a schedule makes when each job takes so many seconds for each host."""
    found, refused = [], {}
    for number, place, hosts, far, tool in runs(plan, tools, cells, refused):
        found.append((number, place, hosts, tool.name))
        took = [{"tool": tool.name, "hosts": hosts, "far": far, "seconds": seconds * hosts} for _ in tool.kinds]
        clock[0] += sum(row["seconds"] for row in took)
        plan.note(took)
    return found, refused


def test_every_round_begins_with_another_tool():
    assert [order([FLOOR, OWN], number)[0] for number in range(3)] == [FLOOR, OWN, FLOOR]


def test_all_rounds_are_made_where_there_is_time(clock):
    found, refused = made(schedule(clock), clock, [FLOOR, OWN], [(1, False)], 0.5)
    assert [one[3] for one in found] == ["floor", "own", "own", "floor", "floor", "own"]
    assert refused == {}


def test_a_cell_that_had_its_share_gets_no_more_runs(clock):
    found, refused = made(schedule(clock, rounds=10), clock, [OWN], [(1, False)], 10)
    assert len(found) == 2
    assert refused == {("own", 1, False): "it has had its 60 s"}


def test_what_would_take_too_long_is_not_begun_and_told(clock):
    plan = schedule(clock)
    found, refused = made(plan, clock, [ANSIBLE], [(5, False), (100, False)], 1)
    assert {one[2] for one in found} == {5}
    assert [row["hosts"] for row in missing(refused, plan.spent)] == [100]
    assert "would take about 300 s" in refused["ansible", 100, False]


def test_nothing_begins_that_does_not_end_in_time(clock):
    found, refused = made(schedule(clock, rounds=10, cell=1000, whole=50), clock, [OWN], [(1, False)], 5)
    assert len(found) == 3
    assert refused["own", 1, False] == "no time is left"
