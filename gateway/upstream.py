"""Helicone's compose file and its lists of migrations, from its git repository at a pinned ref."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.git_cache import CachedRepository, alone, is_path

if TYPE_CHECKING:
    from gateway.variables import HostVariables

_POSTGRES_FOLDERS = ("supabase/migrations", "supabase/migrations_without_supabase")
_CLICKHOUSE_FOLDERS = ("clickhouse/migrations",)


@dataclass(frozen=True)
class Upstream:
    """What is taken from Helicone's repository: the compose file at `commit`, and migration file names.

    `notice` says that a branch could not be fetched and the commit is the one it was at last time.
    """

    commit: str
    compose: bytes
    postgres_migrations: tuple[str, ...]
    clickhouse_migrations: tuple[str, ...]
    notice: str = ""


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
            postgres_migrations=repository.sql_files(migrations, _POSTGRES_FOLDERS),
            clickhouse_migrations=repository.sql_files(migrations, _CLICKHOUSE_FOLDERS),
            notice=notice,
        )


def upstream_for(variables: HostVariables, root: Path) -> Upstream:
    """Return what the inventory's `variables` say is upstream; see `fetch_upstream`.

    `root` is the project's folder: the cache lies in it, and a relative path starts from it. The
    migrations are those of the ref that the migrations image was built from, as
    `migrations.built_from` says, else of `upstream.ref`.
    """
    image = variables.images.migrations.partition("@")[0]
    wanted = variables.upstream
    built_from = variables.migrations.built_from.get(image, "")
    repo = str(root / Path(wanted.repo).expanduser()) if is_path(wanted.repo) else wanted.repo
    return fetch_upstream(repo, wanted.ref, wanted.compose_path, root / ".cache" / "upstream", built_from)
