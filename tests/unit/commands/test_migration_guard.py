"""An upgrade's backup before it, what a failure restores, and what is told where nothing is restored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.commands import migration_guard as module
from gateway.commands.migration_guard import guard_migrations
from gateway.console import Reporter
from gateway.errors import ConfigurationError, InDoubtError, UnreachableError
from gateway.plan.build import HostPlan, Plan
from gateway.transport.conversation import AgentError
from tests.unit.fake_fleet import OLD, Fleet
from tests.unit.situations import bare, load

FILES = {"postgres": ["2_b.sql", "3_c.sql"], "clickhouse": ["schema_1.sql"]}
SOME = {"postgres": ["3_c.sql"], "clickhouse": ["schema_1.sql"]}
WANTED = {"data1": {"migrations": {"any": "thing"}}}
OBSERVED = {name: {**bare(), "current": "1-old"} for name in OLD}


@pytest.fixture
def fleet(tmp_path):
    made = Fleet(load(tmp_path))
    made.answers["data1", "backup"] = {"set": "S1"}
    return made


@pytest.fixture
def without(tmp_path):
    return Fleet(load(tmp_path, "migrations.backup=false"))


def plan(upgrades=True):
    hosts = {"app1": HostPlan("app1", {}, (), ()), "data1": HostPlan("data1", {}, (), (), FILES, upgrades)}
    return Plan("2-new", hosts, (), ())


def failure(kind="failed"):
    return AgentError("data1", {"step": "save", "message": "no space left", "kind": kind})


def ledgers(fleet, *answers):
    left = list(answers)
    fleet.answers["data1", "missing_migrations"] = lambda: left.pop(0)


def verbs(fleet):
    """Return the verbs in their order, those of all hosts at once named once."""
    names = [verb for _, verb, _ in fleet.asked]
    return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


def guarded(fleet, observed=OBSERVED):
    upgrade = guard_migrations(plan(), fleet.run, WANTED, observed)
    fleet.asked.clear()
    return upgrade


def test_a_backup_comes_before_the_migrations_with_web_standing_still(fleet):
    ledgers(fleet, FILES)
    upgrade = guard_migrations(plan(), fleet.run, WANTED, OBSERVED)
    assert verbs(fleet) == [
        "missing_migrations", "open_repository", "begin_upgrade", "tell_recorder", "halt", "backup", "begin_upgrade",
    ]  # fmt: skip
    assert (upgrade.kept, upgrade.run.undo_without) == ("S1", ("jawn", "web"))
    fleet.asked.clear()
    upgrade.succeeded()
    assert verbs(fleet) == ["tell_recorder", "end_upgrade"]


def test_what_was_applied_is_undone_by_a_restore_with_the_writers_standing_still(fleet, capsys):
    ledgers(fleet, FILES, SOME)
    fleet.answers["app1", "tell_recorder"] = {"again": 5, "left_out": 0}
    upgrade = guarded(fleet)
    upgrade.undone()
    assert verbs(fleet) == []
    said = upgrade.after_undo()
    assert verbs(fleet) == ["missing_migrations", "halt", "restore", "resume"]
    assert said.startswith("1 PostgreSQL migrations had been applied (2_b.sql), so the stores hold again what set S1")
    upgrade.run = replace(upgrade.run, reporter=Reporter())
    upgrade.undone()
    assert verbs(fleet)[-2:] == ["tell_recorder", "end_upgrade"]
    assert "5 records that were delivered since the backup are delivered again" in capsys.readouterr().err


def test_with_nothing_applied_jawn_and_web_start_again_and_nothing_is_restored(fleet):
    ledgers(fleet, FILES, FILES)
    assert guarded(fleet).after_undo() == ""
    assert verbs(fleet) == ["missing_migrations", "resume", "tell_recorder", "end_upgrade"]


@pytest.mark.parametrize("kind", ["failed", "doubt"])
def test_a_restore_that_fails_leaves_them_standing_and_names_the_command(fleet, kind):
    ledgers(fleet, FILES, SOME)
    upgrade = guarded(fleet)
    fleet.answers["data1", "restore"] = failure(kind)
    with pytest.raises(InDoubtError, match="set S1 has the data of before") as caught:
        upgrade.after_undo()
    assert caught.value.next_step == "invoke restore --env trial --from S1"
    assert all(row.in_doubt for row in caught.value.failures)
    assert "resume" not in verbs(fleet)
    assert "end_upgrade" not in verbs(fleet)


def test_writers_that_cannot_be_stopped_keep_the_restore_from_beginning(fleet):
    ledgers(fleet, FILES, SOME)
    upgrade = guarded(fleet)
    fleet.answers["app2", "halt"] = failure()
    with pytest.raises(InDoubtError, match="no space left"):
        upgrade.after_undo()
    assert "restore" not in verbs(fleet)


def test_old_services_that_do_not_come_back_are_a_doubt(fleet):
    ledgers(fleet, FILES, SOME)
    upgrade = guarded(fleet)
    fleet.answers["app2", "resume"] = failure()
    with pytest.raises(InDoubtError, match="hold the data of before, but not all") as caught:
        upgrade.after_undo()
    assert [row.host for row in caught.value.failures] == ["app2"]
    assert upgrade.restored


@pytest.mark.parametrize("answer", [failure(), UnreachableError("the connection was lost: EOF")])
def test_ledgers_that_cannot_be_asked_afterwards_are_a_doubt(fleet, answer):
    ledgers(fleet, FILES)
    upgrade = guarded(fleet)
    fleet.answers["data1", "missing_migrations"] = answer
    with pytest.raises(InDoubtError, match="ledgers cannot be asked") as caught:
        upgrade.after_undo()
    assert "invoke restore --env trial --from" in caught.value.next_step
    assert verbs(fleet) == ["missing_migrations"]


@pytest.mark.parametrize("verb", ["open_repository", "backup"])
@pytest.mark.parametrize("kind", ["failed", "configuration"])
def test_without_its_backup_an_upgrade_is_refused_and_all_is_as_it_was(fleet, verb, kind):
    ledgers(fleet, FILES)
    fleet.answers["data1", verb] = failure(kind)
    with pytest.raises(ConfigurationError, match="no space left") as caught:
        guard_migrations(plan(), fleet.run, WANTED, OBSERVED)
    assert "invoke backup --env trial" in caught.value.next_step
    assert "no host was switched" in caught.value.unaffected
    assert ("resume" in verbs(fleet)) == ("halt" in verbs(fleet)) == (verb == "backup")
    assert verbs(fleet)[-1] == "end_upgrade"


def test_a_recorder_that_does_not_know_how_to_keep_stops_the_upgrade(fleet):
    ledgers(fleet, FILES)
    fleet.answers["app1", "tell_recorder"] = AgentError("app1", {"step": "recorder", "message": "usage"})
    with pytest.raises(ConfigurationError, match="usage"):
        guard_migrations(plan(), fleet.run, WANTED, OBSERVED)
    assert "backup" not in verbs(fleet)


def test_ctrl_c_in_the_backup_starts_web_again(fleet):
    ledgers(fleet, FILES)
    fleet.answers["data1", "backup"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        guard_migrations(plan(), fleet.run, WANTED, OBSERVED)
    assert verbs(fleet)[-3:] == ["resume", "tell_recorder", "end_upgrade"]


def cut_off(applied, current="1-old"):
    note = {"set": "S0", "made": 1.0, "release": "1-old", "missing": FILES, "applied": applied}
    data = {**bare(), "current": current, "backups": {**bare()["backups"], "upgrade": note}}
    return {**OBSERVED, "data1": data}


def test_an_upgrade_that_goes_on_with_one_that_was_cut_off_is_undone_with_its_set(fleet):
    ledgers(fleet, SOME, SOME)
    upgrade = guard_migrations(plan(), fleet.run, WANTED, cut_off(["2_b.sql"]))
    assert "backup" not in verbs(fleet)
    assert upgrade.kept == "S0"
    assert "what set S0 has" in upgrade.after_undo()


@pytest.mark.fault("F16")
def test_after_a_power_cut_in_the_migrations_the_next_try_has_the_set_of_before_and_halts_what_writes(fleet):
    ledgers(fleet, SOME, SOME)
    seen = cut_off(["2_b.sql"], current="2-new")
    seen["data1"]["interrupted"] = {"step": "switching", "release": "2-new", "previous": "1-old"}
    upgrade = guard_migrations(plan(), fleet.run, WANTED, seen)
    assert (upgrade.kept, upgrade.run.undo_without) == ("S0", ("jawn", "web"))
    assert "halt" in verbs(fleet)
    assert "what set S0 has" in upgrade.after_undo()


def test_a_next_try_that_cannot_begin_leaves_web_standing_still_before_half_migrated_stores(fleet):
    ledgers(fleet, SOME)
    fleet.answers["app2", "halt"] = failure()
    with pytest.raises(ConfigurationError, match="no space left"):
        guard_migrations(plan(), fleet.run, WANTED, cut_off(["2_b.sql"]))
    assert "resume" not in verbs(fleet)


def test_the_note_names_the_release_that_the_host_goes_back_to(fleet, monkeypatch):
    """A switch that was cut off before the upgrade leaves another one as the current."""
    ledgers(fleet, FILES)
    notes = []
    monkeypatch.setattr(module, "_note", lambda upgrade, release: notes.append(release))
    cut = {"step": "switching", "release": "2-new", "previous": "1-old"}
    seen = {**OBSERVED, "data1": {**bare(), "current": "2-new", "interrupted": cut}}
    guard_migrations(plan(), fleet.run, WANTED, seen)
    assert notes == ["1-old", "1-old"]


def test_one_that_was_cut_off_before_anything_was_applied_gets_a_new_set(fleet):
    ledgers(fleet, FILES)
    assert guarded(fleet, cut_off([])).kept == "S1"


def test_without_a_backup_the_migrations_that_stay_are_named(without):
    ledgers(without, FILES, {"postgres": ["3_c.sql"], "clickhouse": []})
    assert guard_migrations(plan(), without.run, WANTED, OBSERVED).after_undo() == (
        "1 PostgreSQL and 1 ClickHouse migrations were applied and stay (2_b.sql, schema_1.sql):"
        " the schema is newer than the release that serves"
    )
    assert verbs(without) == ["missing_migrations"]


def test_a_long_list_is_cut(without):
    many = {"postgres": [f"{number}_x.sql" for number in range(9)], "clickhouse": []}
    ledgers(without, many, {"postgres": [], "clickhouse": []})
    assert "(0_x.sql, 1_x.sql, 2_x.sql, 6 more)" in guarded(without).after_undo()


def test_ledgers_that_are_as_they_were_need_no_word(without):
    ledgers(without, FILES, FILES)
    assert guarded(without).after_undo() == ""


def test_what_is_declared_harmless_needs_no_backup_and_no_word(tmp_path):
    fleet = Fleet(load(tmp_path, "migrations.compatible=[2_b.sql, 3_c.sql, schema_1.sql]"))
    ledgers(fleet, FILES, SOME)
    upgrade = guard_migrations(plan(), fleet.run, WANTED, OBSERVED)
    assert upgrade.after_undo() == ""
    assert verbs(fleet) == ["missing_migrations"]


def test_stores_that_cannot_be_asked_are_brought_back_before_an_upgrade(fleet):
    error = {"step": "postgres", "message": "no container of db is running"}
    fleet.answers["data1", "missing_migrations"] = AgentError("data1", error)
    with pytest.raises(ConfigurationError, match="no container of db is running") as caught:
        guard_migrations(plan(), fleet.run, WANTED, OBSERVED)
    assert caught.value.where == "data1: postgres"
    assert "bring the stores back first" in caught.value.next_step


def test_a_first_deploy_and_one_without_new_migrations_ask_nobody(fleet):
    assert guard_migrations(plan(upgrades=False), fleet.run, WANTED, OBSERVED) is None
    assert fleet.asked == []
