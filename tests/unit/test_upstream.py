"""Fetching Helicone's files from real git repositories on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from gateway.errors import ConfigurationError
from gateway.git_cache import without_login
from gateway.upstream import Upstream, fetch_upstream, upstream_for

if TYPE_CHECKING:
    from gateway.variables import HostVariables

FILES = {
    "docker/docker-compose.yml": "services: {db: {image: postgres}}\n",
    "supabase/migrations/2_b.sql": "b",
    "supabase/migrations/README.md": "",
    "supabase/migrations_without_supabase/1_a.sql": "a",
    "clickhouse/migrations/schema_0.sql": "0",
    "clickhouse/migrations/old/schema_x.sql": "x",
}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    finished = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True
    )
    return finished.stdout.strip()


def commit(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, FILES)
    git(folder, "tag", "v1")
    commit(folder, {"clickhouse/migrations/schema_1.sql": "1", "docker/docker-compose.yml": "services: {}\n"})
    return folder


@pytest.fixture
def bare(work: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(work), str(folder))
    return folder


def fetch(repo: Path | str, ref: str, cache: Path, migrations_ref: str = "") -> Upstream:
    return fetch_upstream(str(repo), ref, "docker/docker-compose.yml", cache, migrations_ref)


@pytest.mark.parametrize("form", ["{}", "file://{}"])
@pytest.mark.parametrize("ref", ["main", "v1", "full", "short"])
def test_branch_tag_and_commit(work: Path, bare: Path, tmp_path: Path, form: str, ref: str) -> None:
    first = git(work, "rev-parse", "v1")
    named = {"full": first, "short": first[:10]}.get(ref, ref)

    found = fetch(form.format(bare), named, tmp_path / "cache")

    old = ref != "main"
    assert found.commit == (first if old else git(work, "rev-parse", "main"))
    assert found.compose == (FILES["docker/docker-compose.yml"].encode() if old else b"services: {}\n")
    assert found.postgres_migrations == ("1_a.sql", "2_b.sql")
    assert found.clickhouse_migrations == (("schema_0.sql",) if old else ("schema_0.sql", "schema_1.sql"))
    assert found.notice == ""


@pytest.mark.parametrize("ref", ["v1", "full", "short"])
def test_what_was_fetched_needs_no_repository_again(work: Path, bare: Path, tmp_path: Path, ref: str) -> None:
    first = git(work, "rev-parse", "v1")
    named = {"full": first, "short": first[:10]}.get(ref, ref)
    before = fetch(bare, named, tmp_path / "cache")
    shutil.rmtree(bare)

    assert fetch(bare, named, tmp_path / "cache") == before


def test_a_clone_that_is_set_up_is_not_set_up_again(bare: Path, tmp_path: Path) -> None:
    fetch(bare, "v1", tmp_path / "cache")
    (written,) = (tmp_path / "cache").glob("*/config")
    before = written.stat()

    fetch(bare, "v1", tmp_path / "cache")
    assert (written.stat().st_ino, written.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    expected = written.read_text()
    git(written.parent, "config", "remote.origin.url", "/nowhere")
    git(written.parent, "config", "--unset", "remote.origin.promisor")
    fetch(bare, "v1", tmp_path / "cache")
    assert sorted(written.read_text().splitlines()) == sorted(expected.splitlines())


def test_branch_moves_and_falls_back_with_a_notice(work: Path, bare: Path, tmp_path: Path) -> None:
    first = fetch(bare, "main", tmp_path / "cache")
    commit(work, {"clickhouse/migrations/schema_2.sql": "2"})
    git(work, "push", "-q", str(bare), "main")

    second = fetch(bare, "main", tmp_path / "cache")
    shutil.rmtree(bare)
    third = fetch(bare, "main", tmp_path / "cache")

    assert second.commit != first.commit
    assert third.commit == second.commit
    assert "as last time" in third.notice


def test_tag_that_moves_on_this_machine_is_followed(work: Path, bare: Path, tmp_path: Path) -> None:
    fetch(bare, "v1", tmp_path / "cache")
    git(work, "tag", "-f", "v1", "main")
    git(work, "push", "-qf", str(bare), "v1")

    assert fetch(bare, "v1", tmp_path / "cache").commit == git(work, "rev-parse", "main")


def test_migrations_can_come_from_another_ref(work: Path, bare: Path, tmp_path: Path) -> None:
    found = fetch(bare, "main", tmp_path / "cache", "v1")

    assert found.commit == git(work, "rev-parse", "main")
    assert found.clickhouse_migrations == ("schema_0.sql",)
    assert found.code == git(work, "rev-parse", "v1")


def test_a_version_is_placed_by_the_date_of_its_commit_in_utc(work: Path, bare: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "GIT_COMMITTER_DATE": "2025-10-21T20:31:06-0700"}
    command = [
        "git",
        "-C",
        str(work),
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@e.x",
        "commit",
        "--allow-empty",
        "-qm",
        "x",
    ]
    subprocess.run(command, check=True, env=environment)
    git(work, "push", "-q", str(bare), "main")

    assert fetch(bare, "main", tmp_path / "cache").code_date == "2025-10-22T03:31:06Z"


def test_commands_started_together_wait_for_each_other(work: Path, bare: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(lambda _: fetch(bare, "main", tmp_path / "cache").commit, range(8)))
    assert found == [git(work, "rev-parse", "HEAD")] * 8


def test_only_what_is_read_is_fetched(bare: Path, tmp_path: Path) -> None:
    fetch(bare, "main", tmp_path / "cache")
    (clone,) = (tmp_path / "cache").iterdir()

    present = git(clone, "cat-file", "--batch-check", "--batch-all-objects")

    assert sum(" blob " in line for line in present.splitlines()) == 1


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("no-such", "no branch, tag or commit no-such"),
        ("f" * 40, "no branch, tag or commit fff"),
        ("abcdef1", "no branch, tag or commit abcdef1"),
        ("--upload-pack=x", "no branch"),
        ("a..b", "no branch"),
    ],
)
def test_unknown_ref_is_named(bare: Path, tmp_path: Path, ref: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        fetch(bare, ref, tmp_path / "cache")

    assert caught.value.where == "upstream.ref"


def test_missing_file_is_named(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no file compose\.yml") as caught:
        fetch_upstream(str(bare), "main", "compose.yml", tmp_path / "cache")

    assert caught.value.where == "upstream.compose_path"


@pytest.mark.parametrize("repo", ["/no/such/repository", "http://user:password-sentinel@127.0.0.1:9/x.git"])
def test_unreachable_repository_is_an_error_without_its_password(tmp_path: Path, repo: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        fetch(repo, "main", tmp_path / "cache")

    assert "sentinel" not in str(caught.value)


def test_login_is_cut_from_urls() -> None:
    assert without_login("https://u:p@host/x") == "https://host/x"
    assert without_login("git@host:x") == "git@host:x"


@pytest.mark.parametrize(("image", "count"), [("helicone/migrations:old", 1), ("helicone/migrations:own", 2)])
def test_ledger_follows_the_version_of_the_migrations_image(bare: Path, tmp_path: Path, image: str, count: int) -> None:
    variables = SimpleNamespace(
        images=SimpleNamespace(migrations=f"{image}@sha256:{'a' * 64}"),
        upstream=SimpleNamespace(repo=bare.name, ref="main", compose_path="docker/docker-compose.yml"),
        migrations=SimpleNamespace(built_from={"helicone/migrations:old": "v1"}),
    )

    found = upstream_for(cast("HostVariables", variables), tmp_path)

    assert len(found.clickhouse_migrations) == count
