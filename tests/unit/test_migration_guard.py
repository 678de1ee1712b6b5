"""What a failed upgrade's migrations left behind is told."""

from __future__ import annotations

import pytest

from gateway.migration_guard import guard_migrations
from gateway.plan.build import HostPlan, Plan
from tests.unit.fake_fleet import Fleet
from tests.unit.situations import load

FILES = {"postgres": ["2_b.sql", "3_c.sql"], "clickhouse": ["schema_1.sql"]}
WANTED = {"data1": {"migrations": {"any": "thing"}}}


@pytest.fixture
def fleet(tmp_path):
    return Fleet(load(tmp_path))


def plan(upgrades=True):
    hosts = {"app1": HostPlan("app1", {}, (), ()), "data1": HostPlan("data1", {}, (), (), FILES, upgrades)}
    return Plan("2-new", hosts, (), ())


def asked(fleet):
    return [(host, verb) for host, verb, _ in fleet.asked]


def test_the_migrations_that_stay_are_named(fleet):
    answers = [FILES, {"postgres": ["3_c.sql"], "clickhouse": []}]
    fleet.answers["data1", "missing_migrations"] = lambda: answers.pop(0)
    after_undo = guard_migrations(plan(), fleet.run, WANTED)
    assert after_undo() == (
        "1 PostgreSQL and 1 ClickHouse migrations were applied and stay (2_b.sql, schema_1.sql):"
        " the schema is newer than the release that serves"
    )
    assert asked(fleet) == [("data1", "missing_migrations")] * 2


def test_a_long_list_is_cut(fleet):
    many = {"postgres": [f"{number}_x.sql" for number in range(9)], "clickhouse": []}
    answers = [many, {"postgres": [], "clickhouse": []}]
    fleet.answers["data1", "missing_migrations"] = lambda: answers.pop(0)
    assert "(0_x.sql, 1_x.sql, 2_x.sql, 6 more)" in guard_migrations(plan(), fleet.run, WANTED)()


def test_ledgers_that_are_as_they_were_need_no_word(fleet):
    fleet.answers["data1", "missing_migrations"] = FILES
    assert guard_migrations(plan(), fleet.run, WANTED)() == ""


def test_a_first_deploy_and_one_without_new_migrations_ask_nobody(fleet):
    assert guard_migrations(plan(upgrades=False), fleet.run, WANTED)() == ""
    assert asked(fleet) == []
