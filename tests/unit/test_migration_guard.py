"""What a failed upgrade's migrations left behind is told."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigurationError
from gateway.migration_guard import guard_migrations
from gateway.plan.build import HostPlan, Plan
from gateway.transport.conversation import AgentError
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


def test_what_is_declared_harmless_needs_no_word(tmp_path):
    fleet = Fleet(load(tmp_path, "migrations.compatible=[2_b.sql]"))
    answers = [FILES, {"postgres": ["3_c.sql"], "clickhouse": ["schema_1.sql"]}]
    fleet.answers["data1", "missing_migrations"] = lambda: answers.pop(0)
    assert guard_migrations(plan(), fleet.run, WANTED)() == ""


def test_stores_that_cannot_be_asked_are_brought_back_before_an_upgrade(fleet):
    error = {"step": "postgres", "message": "no container of db is running"}
    fleet.answers["data1", "missing_migrations"] = AgentError("data1", error)
    with pytest.raises(ConfigurationError, match="no container of db is running") as caught:
        guard_migrations(plan(), fleet.run, WANTED)
    assert caught.value.where == "data1: postgres"
    assert "bring the stores back first" in caught.value.next_step


def test_a_first_deploy_and_one_without_new_migrations_ask_nobody(fleet):
    assert guard_migrations(plan(upgrades=False), fleet.run, WANTED)() == ""
    assert asked(fleet) == []
