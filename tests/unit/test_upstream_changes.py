"""What differs between two versions of upstream, and what of it stands in the way."""

from __future__ import annotations

from gateway.upstream_changes import Change, changes, judged_examples, migration_changes, unset_variables
from gateway.upstream_shape import ServiceShape, Shape


def service(image="one:1", ports=(), volumes=(), profiles=(), **environment):
    return ServiceShape(image, environment, ports, volumes, profiles)


def shape(services=None, volumes=(), interpolated=(), examples=None, postgres=(), clickhouse=()):
    return Shape(
        "c" * 40, "2026-01-01T00:00:00Z", services or {}, volumes, interpolated, examples or {},
        tuple((name, name) for name in postgres), tuple((name, name) for name in clickhouse),
    )  # fmt: skip


def test_nothing_differs_from_itself():
    one = shape({"jawn": service(A="1")}, ("data",), ("PORT",), {"x": {"A": "1"}}, ["1_a"], ["schema_0"])
    assert changes(one, one, ["jawn"]) + migration_changes(one, one) == []


def test_services_images_ports_volumes_and_variables():
    before = shape({"jawn": service("j:1", ("1:1",), ("a:/a",), A="1", GONE="x"), "old": service()}, ("v",), ("X",))
    after = shape({"jawn": service("j:2", ("2:2",), ("b:/b",), A="2", NEW="y"), "new": service()}, ("w",), ("Y",))
    found = {(one.kind, one.where, one.change, one.name) for one in changes(before, after, ["jawn"])}
    assert found == {
        ("service", "old", "removed", "old"), ("service", "new", "added", "new"), ("image", "jawn", "changed", "jawn"),
        ("port", "jawn", "removed", "1:1"), ("port", "jawn", "added", "2:2"),
        ("volume", "jawn", "removed", "a:/a"), ("volume", "jawn", "added", "b:/b"),
        ("variable", "jawn", "changed", "A"), ("variable", "jawn", "removed", "GONE"),
        ("variable", "jawn", "added", "NEW"),
        ("volume", "", "removed", "v"), ("volume", "", "added", "w"),
        ("compose variable", "", "removed", "X"), ("compose variable", "", "added", "Y"),
    }  # fmt: skip
    assert not any(one.problem for one in changes(before, after, ["jawn"]))


def test_a_service_that_runs_here_and_is_gone_stands_in_the_way():
    [gone] = changes(shape({"jawn": service()}), shape(), ["jawn"])
    assert gone.problem


def test_a_variable_with_the_value_of_one_that_went_was_renamed():
    before, after = shape({"jawn": service(OLD="value", F="1")}), shape({"jawn": service(NEW="value", G="1")})
    found = {(one.change, one.name, one.before) for one in changes(before, after, [])}
    assert found == {("renamed", "NEW", "OLD"), ("removed", "F", "1"), ("added", "G", "")}


def test_two_heirs_are_no_rename():
    before, after = shape({"jawn": service(OLD="value")}), shape({"jawn": service(ONE="value", TWO="value")})
    assert [one.change for one in changes(before, after, [])] == ["removed", "added", "added"]


def test_examples_are_compared_file_by_file():
    before, after = shape(examples={"a": {"X": "12", "Y": "3"}}), shape(examples={"a": {"Z": "12"}, "b": {"Y": "3"}})
    found = {(one.where, one.change, one.name) for one in changes(before, after, [])}
    assert found == {("a", "renamed", "Z"), ("a", "removed", "Y"), ("b", "added", "Y")}


def test_a_variable_that_nobody_sets_stands_in_the_way():
    candidate = shape({"jawn": service(SET="1", LEFT="2", NEW="3"), "worker": service(OTHER="4")})
    found = unset_variables(candidate, {"jawn": {"SET", "LEFT"}, "web": set()})
    assert [(one.where, one.name) for one in found] == [("jawn", "NEW")]
    assert "roles/app/not_set.yml" in found[0].problem


def test_migrations_that_flyway_refuses():
    before = shape(postgres=["1_a.sql", "3_c.sql"], clickhouse=["schema_1", "schema_3"])
    after = shape(
        postgres=["1_a.sql", "2_b.sql", "3_c.sql", "4_d.sql", "4_d.sql"],
        clickhouse=["schema_1", "schema_2", "schema_3"],
    )
    found = {(one.where, one.change, one.name): bool(one.problem) for one in migration_changes(before, after)}
    assert found == {
        ("PostgreSQL", "added", "2_b.sql"): True,
        ("PostgreSQL", "added", "4_d.sql"): False,
        ("PostgreSQL", "doubled", "4_d.sql"): True,
        ("ClickHouse", "added", "schema_2"): False,  # its program runs whatever the ledger lacks
    }


def test_going_back_stands_in_the_way_and_a_file_that_upstream_took_out_does_not():
    one, two = shape(postgres=["1_a.sql", "2_b.sql", "3_c.sql"]), shape(postgres=["1_a.sql", "3_c.sql"])
    assert [(c.change, c.name, c.problem) for c in migration_changes(one, two)] == [("removed", "2_b.sql", "")]
    [back] = migration_changes(two, shape(postgres=["1_a.sql"]))
    assert (back.name, bool(back.problem)) == ("3_c.sql", True)


def test_an_edited_migration_is_told():
    one = shape(postgres=["1_a.sql"])
    two = Shape(**{**one.__dict__, "postgres": (("1_a.sql", "other content"),)})
    [edited] = migration_changes(one, two)
    assert edited == Change(
        "migration", "PostgreSQL", "edited", "1_a.sql", after="a database that has run it keeps what it did"
    )


def test_a_new_example_of_a_service_that_nobody_sets_stands_in_the_way():
    """Without REQUEST_CACHE_KEY, which no compose file of Helicone's has, jawn recorded nothing."""
    before = shape(examples={"web/.env.example": {"OLD": "value"}})
    after = shape(examples={
        "valhalla/jawn/.env.example": {"OURS": "1", "NEW": "2"}, "docker/.env.example": {"OTHER": "3"},
        "web/.env.example": {"RENAMED": "value"},
    })  # fmt: skip
    found = judged_examples(changes(before, after, []), {"jawn": {"OURS"}, "web": set()})
    assert {one.name: bool(one.problem) for one in found} == {
        "OURS": False, "NEW": True, "OTHER": False, "RENAMED": True
    }  # fmt: skip
    [problem] = [one.problem for one in found if one.name == "NEW"]
    assert problem.startswith("jawn may want NEW, and nothing here sets it: set it in its template or in jawn.environ")


def test_an_example_that_went_or_has_another_value_is_only_told():
    before = shape(examples={"web/.env.example": {"GONE": "1", "KEPT": "1"}})
    after = shape(examples={"web/.env.example": {"KEPT": "2"}})
    found = judged_examples(changes(before, after, []), {"web": set()})
    assert [(one.change, one.problem) for one in found] == [("removed", ""), ("changed", "")]
