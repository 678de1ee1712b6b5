"""What the names of migrations tell, and when a release must not meet a database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import ConfigurationError
from gateway.migrations import (
    counted,
    doubled,
    late,
    new_files,
    newer,
    refuse_apart,
    refuse_newer_schema,
    refuse_unprotected,
    undo_of,
    version,
)
from tests.unit.situations import load, release, service


def manifest(postgres=(), clickhouse=()):
    return {"migrations": {"postgres": {"files": list(postgres)}, "clickhouse": {"files": list(clickhouse)}}}


def test_versions_are_numbers_and_not_texts():
    assert version("20250101000000_a.sql") == 20250101000000
    assert version("schema_9_a.sql") < version("schema_10_b.sql")
    assert version("readme") == -1


def test_a_migration_below_one_that_has_run_is_late():
    assert late({"1_a.sql", "3_c.sql"}, ["1_a.sql", "2_b.sql", "3_c.sql", "4_d.sql"]) == ["2_b.sql"]
    assert late(set(), ["2_b.sql", "1_a.sql"]) == []


def test_two_files_of_one_version_are_doubled_in_two_folders_too():
    assert doubled(["1_a.sql", "2_b.sql", "2_c.sql"]) == ["2_b.sql", "2_c.sql"]
    assert doubled(["1_a.sql", "2_b.sql", "2_b.sql"]) == ["2_b.sql"]


@pytest.mark.parametrize(
    ("running", "wanted", "beyond"),
    [
        (["1_a", "2_b", "3_c"], ["1_a"], ["2_b", "3_c"]),
        (["1_a"], ["1_a", "2_b"], []),
        (["1_a", "2_gone", "3_c"], ["1_a", "3_c"], []),
        (["1_a", "2_gone"], ["1_a", "3_c"], []),
        (["schema_10_a"], ["schema_9_b"], ["schema_10_a"]),
        ([], [], []),
    ],
)
def test_only_what_comes_after_everything_else_makes_a_schema_newer(running, wanted, beyond):
    assert newer(running, wanted) == beyond


def test_the_new_files_of_a_release_by_store():
    old, new = manifest(["1_a"], ["schema_0"]), manifest(["1_a", "2_b"], ["schema_0"])
    assert new_files(old, new) == {"postgres": ["2_b"]}
    assert new_files(None, old) == {"postgres": ["1_a"], "clickhouse": ["schema_0"]}
    assert new_files({"migrations": None}, old) == {"postgres": ["1_a"], "clickhouse": ["schema_0"]}
    assert new_files(old, {"migrations": None}) == {}
    assert new_files(old, old) == {}
    assert counted({"postgres": ["1", "2"], "clickhouse": ["3"]}) == "2 PostgreSQL and 1 ClickHouse"


def test_a_release_is_not_started_against_a_newer_schema():
    old, new = manifest(["1_a.sql"], ["schema_0"]), manifest(["1_a.sql", "2_b.sql", "3_c.sql"], ["schema_0"])
    with pytest.raises(
        ConfigurationError, match=r"PostgreSQL has been migrated beyond .* 2_b.sql and 1 more"
    ) as caught:
        refuse_newer_schema({"data1": new, "app1": None}, {"data1": old, "app1": {"migrations": None}}, [])
    assert caught.value.where == "data1"
    assert "migrations.compatible: [2_b.sql, 3_c.sql]" in caught.value.next_step


def test_it_is_where_the_files_between_are_called_harmless():
    old, new = manifest([], ["schema_0"]), manifest([], ["schema_0", "schema_1", "schema_2"])
    refuse_newer_schema({"data1": new}, {"data1": old}, ["schema_1", "schema_2"])
    with pytest.raises(ConfigurationError, match="ClickHouse has been migrated beyond this release, by schema_2;"):
        refuse_newer_schema({"data1": new}, {"data1": old}, ["schema_1"])


def test_a_newer_release_and_a_first_one_may_come():
    old, new = manifest(["1_a.sql"]), manifest(["1_a.sql", "2_b.sql"])
    refuse_newer_schema({"data1": old}, {"data1": new}, [])
    refuse_newer_schema({"data1": None}, {"data1": new}, [])
    refuse_newer_schema({}, {"data1": new}, [])


def test_what_becomes_of_a_failed_upgrade_is_the_inventorys_to_say(tmp_path):
    files = {"postgres": ["2_b.sql"], "clickhouse": ["schema_1"]}
    inventory = load(tmp_path / "a", "migrations.compatible=[2_b.sql]")
    assert undo_of(inventory, {"postgres": [], "clickhouse": []}) == ""
    assert undo_of(inventory, {"postgres": ["2_b.sql"]}) == "harmless"
    assert undo_of(inventory, files) == "restore"
    assert undo_of(load(tmp_path / "b", "migrations.backup=false"), files) == "stays"


@pytest.mark.parametrize(
    ("settings", "reason", "next_step"),
    [
        (["backup.enabled=false"], "backup.enabled is false", "backup.enabled: true"),
        (["postgres.mode=external", "postgres.host=pg"], "PostgreSQL is external", "a snapshot of your own"),
        (["clickhouse.mode=external", "clickhouse.url=http://ch:8123"], "ClickHouse is external", "of your own"),
    ],
)
def test_an_upgrade_that_could_not_be_undone_wants_a_decision(tmp_path, settings, reason, next_step):
    with pytest.raises(ConfigurationError, match=reason) as caught:
        refuse_unprotected(load(tmp_path, *settings))
    assert next_step in caught.value.next_step
    assert "migrations.backup: false" in caught.value.next_step


def test_an_upgrade_concerns_every_host(tmp_path):
    inventory = load(tmp_path)
    refuse_unprotected(inventory)
    with pytest.raises(ConfigurationError, match="--limit leaves hosts out"):
        refuse_unprotected(replace(inventory, selected=("data1",)))


def of(commit, role="app", **more):
    return {**release(service("jawn", role)).manifest, "code": {"commit": commit, "date": ""}, **more}


@pytest.mark.parametrize("selected", [["app1"], ["app1", "edge1"]])
def test_another_helicone_does_not_come_to_some_hosts_without_the_one_that_migrates(selected):
    """Neither forward nor back: what the stores were migrated to is not known there."""
    for before, after in (("a" * 40, "b" * 40), ("b" * 40, "a" * 40)):
        with pytest.raises(ConfigurationError, match=f"this is Helicone {after[:12]} and {before[:12]} runs") as caught:
            refuse_apart(dict.fromkeys(selected, of(before)), dict.fromkeys(selected, of(after)))
        assert (caught.value.where, caught.value.next_step[:19]) == ("app1", "leave --limit out: ")
    older = {key: value for key, value in of("").items() if key != "code"}
    with pytest.raises(ConfigurationError, match=f"this is Helicone {'e' * 12} and {'c' * 12} runs"):
        refuse_apart({"app1": older}, {"app1": of("e" * 40)})


@pytest.mark.parametrize(
    ("running", "wanted"),
    [
        ({"app1": of("a", services=[])}, {"app1": of("a", upstream="d" * 40)}),  # settings, images, the compose file
        ({"app1": of("a"), "data1": of("a")}, {"app1": of("b"), "data1": of("b", migrations={"any": "thing"})}),
        ({"app1": None}, {"app1": of("b")}),
        ({"edge1": of("a", "edge")}, {"edge1": of("b", "edge")}),
    ],
)
def test_all_else_may_come_to_some_hosts_alone(running, wanted):
    refuse_apart(running, wanted)
