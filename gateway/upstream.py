"""Helicone's compose file and its lists of migrations, from its git repository at a pinned ref.

The clone is bare, partial and shallow: commits and trees of the wanted refs only, and the one file
that is read. It is kept in the project's cache, so that a commit that was fetched once needs no
network again.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.variables import HostVariables

_POSTGRES_FOLDERS = ("supabase/migrations", "supabase/migrations_without_supabase")
_CLICKHOUSE_FOLDERS = ("clickhouse/migrations",)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ABBREVIATED = re.compile(r"[0-9a-f]{7,39}")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]*")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_TIMEOUT = 300  # seconds for one git command; a first fetch over a slow line takes a minute


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
    repository = _Repository(repo, cache)
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

    `root` is the project's folder: the cache lies in it, and a relative path starts from it. The migrations are those of the ref that the migrations image was built from, as
    `migrations.built_from` says, else of `upstream.ref`.
    """
    image = variables.images.migrations.partition("@")[0]
    wanted = variables.upstream
    built_from = variables.migrations.built_from.get(image, "")
    repo = str(root / Path(wanted.repo).expanduser()) if _is_path(wanted.repo) else wanted.repo
    return fetch_upstream(repo, wanted.ref, wanted.compose_path, root / ".cache", built_from)


def without_login(url: str) -> str:
    """Return `url` without the user and password that it may carry."""
    return _LOGIN.sub("", url)


class _Repository:
    """The cached clone of one repository."""

    def __init__(self, repo: str, cache: Path) -> None:
        self._repo = str(Path(repo).expanduser().resolve()) if _is_path(repo) else repo
        self._shown = without_login(repo)
        self._folder = cache / "upstream" / hashlib.sha256(self._repo.encode()).hexdigest()[:12]
        if not (self._folder / "HEAD").is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet", "--bare")
        # A partial clone asks this remote again for a file that it left out.
        settings = {"url": self._repo, "promisor": "true", "partialCloneFilter": "blob:none"}
        self._local = _is_path(repo) or repo.startswith("file://")
        if self._local:
            # A repository on this machine is asked with what public servers allow anyway.
            settings["uploadpack"] = (
                "git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack"
            )
        for key, value in settings.items():
            self._git("config", f"remote.origin.{key}", value)

    def resolve(self, ref: str) -> tuple[str, str]:
        """Return the commit that `ref` names, fetched if need be, and a notice or an empty text."""
        if not _REF.fullmatch(ref) or ".." in ref:
            raise self._unknown(ref)
        if _COMMIT.fullmatch(ref):
            if not self._has(f"{ref}^{{commit}}"):
                self._fetch_commit(ref)
            return ref, ""
        tag = f"refs/tags/{ref}"
        # Tags stand still in public repositories; in one on this machine they may move while it is worked on.
        known = self._has(f"{tag}^{{commit}}")
        if known and not self._local:
            return self._commit(tag), ""
        if self._fetch(f"+{tag}:{tag}").returncode == 0 or known:
            return self._commit(tag), ""
        branch = f"refs/remotes/origin/{ref}"
        failed = self._fetch(f"+refs/heads/{ref}:{branch}")
        if failed.returncode == 0:
            return self._commit(branch), ""
        if self._has(f"{branch}^{{commit}}"):
            commit = self._commit(branch)
            return (
                commit,
                f"{self._shown} cannot be reached; branch {ref} is taken to be at {commit[:12]}, as last time",
            )
        if _ABBREVIATED.fullmatch(ref):
            return self._expand(ref), ""
        raise self._failed(ref, failed.stderr)

    def read(self, commit: str, path: str) -> bytes:
        """Return the content of the file `path` at `commit`."""
        listed = self._git("ls-tree", commit, "--", path).stdout.split()
        if len(listed) < 3 or listed[1] != b"blob":
            raise ConfigurationError(
                f"{self._shown} has no file {path} at {commit[:12]}",
                where="upstream.compose_path",
                next_step="set upstream.compose_path, or another upstream.ref",
            )
        shown = self._git("cat-file", "blob", listed[2].decode(), check=False)
        if shown.returncode:
            raise self._failed(commit, shown.stderr)
        return shown.stdout

    def sql_files(self, commit: str, folders: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of the `.sql` files in `folders` at `commit`, sorted."""
        arguments = [f"{folder}/" for folder in folders]
        names = self._git("ls-tree", "-z", "--name-only", commit, "--", *arguments).stdout.decode().split("\0")
        return tuple(sorted(name.rpartition("/")[2] for name in names if name.endswith(".sql")))

    def _fetch_commit(self, commit: str) -> None:
        """Fetch one commit; a server that does not give single commits is asked for all branches and tags."""
        if self._fetch(commit).returncode == 0 and self._has(f"{commit}^{{commit}}"):
            return
        failed = self._fetch_all()
        if not self._has(f"{commit}^{{commit}}"):
            raise self._failed(commit, failed.stderr)

    def _expand(self, abbreviated: str) -> str:
        """Return the full commit that begins with `abbreviated`."""
        if not self._has(f"{abbreviated}^{{commit}}"):
            failed = self._fetch_all()
            if not self._has(f"{abbreviated}^{{commit}}"):
                raise self._failed(abbreviated, failed.stderr)
        return self._commit(abbreviated)

    def _fetch_all(self) -> subprocess.CompletedProcess[bytes]:
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        unshallow = ("--unshallow",) if (self._folder / "shallow").is_file() else ()
        return self._git("fetch", "--quiet", "--filter=blob:none", *unshallow, "origin", *refs, check=False)

    def _fetch(self, refspec: str) -> subprocess.CompletedProcess[bytes]:
        return self._git(
            "fetch", "--quiet", "--no-tags", "--depth=1", "--filter=blob:none", "origin", refspec, check=False
        )

    def _has(self, name: str) -> bool:
        """Tell whether `name` is in the cache, without asking the remote for it."""
        return self._git("rev-parse", "--quiet", "--verify", name, check=False, lazy=False).returncode == 0

    def _commit(self, name: str) -> str:
        return self._git("rev-parse", "--verify", f"{name}^{{commit}}").stdout.decode().strip()

    def _git(self, *arguments: str, check: bool = True, lazy: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run git on the clone; it asks nobody for a password and reads no settings of this machine's hooks."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _GIT_KEPT},
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
        if not lazy:
            environment["GIT_NO_LAZY_FETCH"] = "1"
        command = ["git", "-c", "safe.bareRepository=all", "--git-dir", str(self._folder), *arguments]
        try:
            finished = subprocess.run(
                command,
                capture_output=True,
                check=False,
                env=environment,
                timeout=_TIMEOUT,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise ConfigurationError("git is not installed", next_step="install it: apt-get install git") from None
        except subprocess.TimeoutExpired:
            raise ConfigurationError(
                f"{self._shown} did not answer within {_TIMEOUT} seconds", where="upstream.repo"
            ) from None
        if check and finished.returncode:
            raise ConfigurationError(
                f"git {arguments[0]} failed: {self._reason(finished.stderr)}", where=str(self._folder)
            )
        return finished

    def _failed(self, ref: str, output: bytes) -> ConfigurationError:
        """Return the error for a fetch of `ref` that failed with `output`: unknown ref, or unreachable."""
        text = output.decode(errors="replace")
        if "couldn't find remote ref" in text or "not our ref" in text or not text.strip():
            return self._unknown(ref)
        return ConfigurationError(
            f"{self._shown} cannot be read: {self._reason(output)}",
            where="upstream.repo",
            next_step="check the address and the network; a full commit that was fetched before needs neither",
        )

    def _unknown(self, ref: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self._shown} has no branch, tag or commit {ref}",
            where="upstream.ref",
            next_step="set upstream.ref, or migrations.built_from, to one that it has",
        )

    @staticmethod
    def _reason(output: bytes) -> str:
        """Return the first line of git's that says what is wrong."""
        lines = output.decode(errors="replace").splitlines()
        reasons = [line for line in lines if line.strip() and not line.startswith(("warning:", "hint:"))]
        return (
            without_login(reasons[0].removeprefix("fatal: ").removeprefix("error: ")) if reasons else "no reason given"
        )


_GIT_KEPT = {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"}


def _is_path(repo: str) -> bool:
    """Tell a local path from a URL and from `user@host:path`."""
    return "://" not in repo and (repo.startswith(("/", ".", "~")) or ":" not in repo)
