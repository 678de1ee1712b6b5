"""What counts as held, as wrong, and in which order ways are measured."""

from __future__ import annotations

import pytest

from bench.gateway.comparison import cases, warm_up
from bench.gateway.endurance import held
from bench.gateway.environment import describe
from bench.gateway.litellm_proxy import environment as litellm_environment
from bench.gateway.litellm_proxy import settings
from bench.gateway.load import Answer, Load, Outcome
from bench.gateway.measurement import figures, per_request
from bench.gateway.recorded import lost, wait_for_rows
from bench.gateway.short import problem
from bench.gateway.targets import order, targets
from tests.unit.bench.rows import measured, step


def test_each_round_begins_with_another_way():
    ways = targets("192.0.2.1", "key")
    assert [order(ways, number)[0].name for number in range(5)] == ["direct", "edge", "inline", "litellm", "direct"]
    assert all(sorted(order(ways, number), key=ways.index) == list(ways) for number in range(4))


def test_only_ways_through_the_gateway_carry_helicones_key_and_are_looked_for():
    ways = targets("192.0.2.1", "key")
    assert [way.name for way in ways if way.recorded] == ["edge", "inline"]
    assert [way.name for way in ways if "Helicone-Auth" in way.headers] == ["edge", "inline"]
    assert "key" not in repr(ways)


@pytest.mark.parametrize(
    "changes",
    [{"failed": 1}, {"recorded": 99}, {"rows": 101}, {"lost": {"gaps_total": 1}}, {"throughput": 970.0}],
)
def test_a_rate_is_not_held_when_anything_is_missing(changes):
    assert held(step(1000))
    assert not held(step(1000, **changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"sent": 99}, "99 of 100"),
        ({"failed": 2}, "2 of 100 failed"),
        ({"recorded": 99}, "99 recorded"),
        ({"rows": 101}, "in 101 rows"),
        ({"lost": {"dropped_total": 3}}, "lost"),
    ],
)
def test_the_short_form_judges_counts(changes, said):
    found = problem(measured("edge", 1.0, **changes), Load(16, 100))
    assert said in found
    assert bool(found) == bool(said)


def test_the_short_form_does_not_judge_what_jawn_records_by_itself():
    assert not problem(measured("inline", 1.0, recorded=90, rows=90), Load(16, 100))


def test_rows_are_waited_for_as_long_as_more_come(monkeypatch):
    seconds = iter(range(1000))
    monkeypatch.setattr("bench.gateway.recorded.time.monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr("bench.gateway.recorded.time.sleep", lambda _: None)
    counts = iter([0, 3, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7])
    monkeypatch.setattr("bench.gateway.recorded.rows", lambda _: (next(counts),) * 2)
    assert wait_for_rows("m", 7, 100, 3) == (7, 7)
    assert wait_for_rows("m", 8, 100, 3) == (7, 7)
    assert next(counts) == 7


def test_the_short_form_does_not_judge_times():
    assert not problem(measured("edge", 1e6, throughput=0.1, p99_ms=1e9), Load(16, 100))


def test_times_are_those_of_whole_answers_alone():
    answers = (Answer(0, 1000, 2000, 200, 5), Answer(0, 9000, 99000, 500, 5), Answer(0, 0, 50, 0, 0))
    row = figures(Outcome(3, 2, 2.0, 0.1, answers))
    assert (row["median_ms"], row["first_median_ms"], row["throughput"]) == (2.0, 1.0, 0.5)
    assert row["statuses"] == {"200": 1, "500": 1, "0": 1}


def test_processor_time_is_told_for_each_request():
    assert per_request({"jawn": 0.5}, Outcome(1000, 0, 1.0, 0.0, ())) == {"jawn": 500}


def test_losses_are_those_of_this_measurement():
    before = {"dropped_total": 5, "refused_total": 0, "gaps_total": 1, "waiting": 9}
    assert lost(before, before) == {}
    assert lost({**before, "gaps_total": 3}, before) == {"gaps_total": 2}


def test_the_loads_are_one_sixteen_and_sixty_four_connections_and_streams():
    kinds = cases(1000, 5)
    assert [(kind.load.connections, kind.load.stream) for kind in kinds] == [
        (1, False), (16, False), (64, False), (16, True),
    ]  # fmt: skip
    assert all(kind.load.connections <= warm_up(kind.load).count < kind.load.count for kind in kinds)


def test_litellm_runs_as_its_documentation_recommends():
    written = settings("192.0.2.1")
    assert written["general_settings"]["master_key"].startswith("sk-")
    assert written["litellm_settings"]["request_timeout"] == 600
    assert written["litellm_settings"]["set_verbose"] is False
    assert litellm_environment()["LITELLM_MODE"] == "PRODUCTION"
    assert litellm_environment()["LITELLM_LOG"] == "ERROR"


def test_the_environment_is_one_host_whose_providers_are_all_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.gateway.environment.INVENTORY", tmp_path / "bench")
    describe(tmp_path / "state", "192.0.2.1")
    written = (tmp_path / "bench" / "group_vars" / "all.yml").read_text()
    assert "http://192.0.2.1:8080/v1" in written
    assert "registry.lab" not in written
    assert "publish_address: 192.0.2.1" in (tmp_path / "bench" / "hosts.yml").read_text()
