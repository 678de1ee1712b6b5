"""`upgrade.check` between two commits of a real git repository."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from gateway.commands.upgrade import check
from gateway.errors import ConfigurationError, VerificationError
from gateway.own_variables import set_by_templates
from tests.unit.situations import PROJECT, load


def git(folder, *words, date="2026-07-21T12:00:00Z"):
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_COMMITTER_DATE": date, "HOME": str(folder)},
    )  # fmt: skip
    return done.stdout.strip()


class Repository:
    """A repository in upstream's shape; `commit` tags a version."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")

    def commit(self, tag, services, migrations, date="2026-07-21T12:00:00Z", example="A=1\n", jawns="PORT=1\n"):
        files = {
            "docker/docker-compose.yml": yaml.safe_dump({"services": services}),
            "docker/.env.example": example,
            "valhalla/jawn/.env.example": jawns,
            **{f"supabase/migrations/{name}": name for name in migrations},
            "clickhouse/migrations/schema_0.sql": "0",
        }
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "--allow-empty", "-qm", tag, date=date)
        git(self.folder, "tag", tag)


def services(tmp_path, **more):
    """Return services whose variables this project sets, and `more` variables for jawn."""
    names = set_by_templates(PROJECT, load(tmp_path).hosts["app1"].variables)
    environment = {service: dict.fromkeys(names[service], "x") for service in ("jawn", "web", "migrations")}
    environment["jawn"] |= more
    stores = {"db": {"image": "postgres:17"}, "clickhouse": {"image": "ch:24"}}
    return {**stores, **{name: {"image": f"{name}:1", "environment": one} for name, one in environment.items()}}


@pytest.fixture
def upstream(tmp_path):
    return Repository(tmp_path / "upstream")


@pytest.fixture
def ask(tmp_path, upstream):
    """Return a function that checks a ref against the tag `old` as the inventory's pin."""
    root = tmp_path / "root"
    root.mkdir()
    for name in ("roles", "templates"):
        (root / name).symlink_to(PROJECT / name)

    def check_it(ref, *settings):
        images = f'migrations.built_from={{"helicone/migrations:v2025.08.11-1": {settings[0] if settings else "old"}}}'
        inventory = load(tmp_path, f"upstream.repo={upstream.folder}", "upstream.ref=old", images)
        return check(inventory, root, ref, as_json=True)

    return check_it


def test_a_candidate_that_only_adds_a_migration_may_come(tmp_path, upstream, ask):
    upstream.commit("old", services(tmp_path), ["1_a.sql"])
    upstream.commit("new", services(tmp_path), ["2_b.sql"], example="B=1\n")
    result = ask("new")
    assert result["ok"]
    assert {(one["kind"], one["change"], one["name"]) for one in result["changes"]} == {
        ("migration", "added", "2_b.sql"), ("example", "added", "B"), ("example", "removed", "A"),
    }  # fmt: skip
    assert result["pinned"]["ref"] == "old"
    assert json.dumps(result)


def test_a_variable_that_jawn_gained_stands_in_the_way(tmp_path, upstream, ask):
    upstream.commit("old", services(tmp_path), [])
    upstream.commit("new", services(tmp_path, BRAND_NEW="1"), [])
    with pytest.raises(VerificationError) as caught:
        ask("new")
    assert caught.value.exit_code == 7
    [problem] = caught.value.report["problems"]
    assert "BRAND_NEW" in problem


def test_an_example_that_jawn_gained_stands_in_the_way_unless_it_is_left_out_for_a_reason(tmp_path, upstream, ask):
    upstream.commit("old", services(tmp_path), [])
    upstream.commit("left-out", services(tmp_path), [], jawns="PORT=1\nSTRIPE_SECRET_KEY=sk\n")
    upstream.commit("new", services(tmp_path), [], jawns="PORT=1\nSTRIPE_SECRET_KEY=sk\nBRAND_NEW=1\n")
    assert ask("left-out")["ok"]
    with pytest.raises(VerificationError) as caught:
        ask("new")
    [problem] = caught.value.report["problems"]
    assert problem.startswith("example BRAND_NEW (valhalla/jawn/.env.example): jawn may want BRAND_NEW, and nothing")


def test_a_migration_that_comes_late_stands_in_the_way(tmp_path, upstream, ask):
    upstream.commit("old", services(tmp_path), ["1_a.sql", "3_c.sql"])
    upstream.commit("new", services(tmp_path), ["2_b.sql"])
    with pytest.raises(VerificationError) as caught:
        ask("new")
    assert "2_b.sql" in caught.value.report["problems"][0]


def test_a_skipped_hard_stop_stands_in_the_way_with_the_version_that_is_allowed(tmp_path, upstream, ask):
    upstream.commit("old", services(tmp_path), [], date="2025-09-01T00:00:00Z")
    upstream.commit("new", services(tmp_path), [])
    with pytest.raises(VerificationError) as caught:
        ask("new")
    report = caught.value.report
    assert "89e75347e35e2bb6cb8911244d294b82be6afe9b" in report["problems"][0]
    assert "legacy-tables" in {era["name"] for era in report["eras"]}


def test_what_counts_as_running_is_what_the_images_were_built_from(tmp_path, upstream, ask):
    upstream.commit("older", services(tmp_path), ["1_a.sql"], date="2025-09-01T00:00:00Z")
    upstream.commit("old", services(tmp_path), ["2_b.sql"])
    assert ask("old")["ok"]
    with pytest.raises(VerificationError) as caught:
        ask("old", "older")
    assert "legacy-tables" in caught.value.report["problems"][0]
    assert [one["name"] for one in caught.value.report["changes"]] == ["2_b.sql"]


@pytest.mark.parametrize(
    ("ref", "words"), [("nonsense", "no branch, tag or commit"), ("a..b", "a..b"), ("", "no cand")]
)
def test_a_ref_that_is_none_is_said_of_the_flag(tmp_path, upstream, ask, ref, words):
    upstream.commit("old", services(tmp_path), [])
    with pytest.raises(ConfigurationError, match=words) as caught:
        ask(ref)
    assert caught.value.where == "--ref"


def test_a_repository_that_cannot_be_reached(tmp_path, upstream, ask):
    with pytest.raises(ConfigurationError) as caught:
        ask("new")
    assert caught.value.where.startswith("upstream.re")


def test_the_table_says_what_is_in_the_way(tmp_path, upstream, capsys):
    upstream.commit("old", services(tmp_path), ["1_a.sql"])
    upstream.commit("new", {**services(tmp_path, BRAND_NEW="1"), "worker": {"image": "w:1"}}, ["2_b.sql", "3_c.sql"])
    built = 'migrations.built_from={"helicone/migrations:v2025.08.11-1": old}'
    inventory = load(tmp_path, f"upstream.repo={upstream.folder}", "upstream.ref=old", built)
    root = tmp_path / "project"
    (root / "templates").symlink_to(PROJECT / "templates")
    with pytest.raises(VerificationError):
        check(inventory, root, "new", as_json=False)
    shown = capsys.readouterr().out
    assert "in the way: variable BRAND_NEW" in shown
    assert "2: 2_b.sql to 3_c.sql" in shown
    assert "w:1; not run here" in shown
