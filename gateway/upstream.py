"""Helicone's compose file and its lists of migrations, from its git repository at a pinned ref."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.git_cache import CachedRepository, alone, is_path
from gateway.private_file import home_path

if TYPE_CHECKING:
    from gateway.variables import HostVariables

POSTGRES_FOLDERS = ("supabase/migrations", "supabase/migrations_without_supabase")
CLICKHOUSE_FOLDERS = ("clickhouse/migrations",)


@dataclass(frozen=True)
class Upstream:
    """What is taken from Helicone's repository: the compose file at `commit`, and migration file names.

    `code` is the commit that the images were built from, which is where the migrations are from, and
    `code_date` when it came; both are empty where nobody asked the repository. `notice` says that a
    branch could not be fetched and the commit is the one it was at last time.
    """

    commit: str
    compose: bytes
    postgres_migrations: tuple[str, ...]
    clickhouse_migrations: tuple[str, ...]
    notice: str = ""
    code: str = ""
    code_date: str = ""


def fetch_upstream(repo: str, ref: str, compose_path: str, cache: Path, migrations_ref: str = "") -> Upstream:
    """Return the compose file at `compose_path` of `ref` in `repo`, and the migrations of `migrations_ref`.

    `repo` is a URL or a local path, `ref` a branch, a tag or a commit; `migrations_ref`, where the
    migrations image is of another version, defaults to `ref`. A full commit or a tag that is in
    `cache` needs no network; a branch is fetched each time, and when that fails is taken from the
    cache with a notice. Raises ConfigurationError if the repository cannot be reached, or does not
    hold the ref or the file.
    """
    with alone(cache):
        repository = CachedRepository(repo, cache)
        commit, notice = repository.resolve(ref)
        migrations = repository.resolve(migrations_ref)[0] if migrations_ref else commit
        return Upstream(
            commit=commit,
            compose=repository.read(commit, compose_path),
            postgres_migrations=_names(repository.sql_files(migrations, POSTGRES_FOLDERS)),
            clickhouse_migrations=_names(repository.sql_files(migrations, CLICKHOUSE_FOLDERS)),
            notice=notice,
            code=migrations,
            code_date=repository.date(migrations),
        )


def upstream_for(variables: HostVariables, root: Path) -> Upstream:
    """Return what the inventory's `variables` say is upstream; see `fetch_upstream`.

    `root` is the project's folder: the cache lies in it, and a relative path starts from it. The
    migrations are those of the ref that the migrations image was built from, as
    `migrations.built_from` says, else of `upstream.ref`.
    """
    wanted = variables.upstream
    return fetch_upstream(
        repository_of(variables, root), wanted.ref, wanted.compose_path, cache_of(root), built_from(variables)
    )


def repository_of(variables: HostVariables, root: Path) -> str:
    """Return the URL or path of upstream's repository; a relative path starts from `root`."""
    repo = variables.upstream.repo
    return str(root / home_path(repo, "upstream.repo")) if is_path(repo) else repo


def cache_of(root: Path) -> Path:
    """Return the folder that clones of repositories are kept in."""
    return root / ".cache" / "upstream"


def built_from(variables: HostVariables) -> str:
    """Return the ref that the migrations image was built from, empty if that is `upstream.ref`."""
    return variables.migrations.built_from.get(variables.images.migrations.partition("@")[0], "")


def _names(files: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return tuple(name for name, _ in files)
