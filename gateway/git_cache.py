"""A git repository, read through a clone in the project's cache.

The clone is bare, partial and shallow: commits and trees of the wanted refs only, and the files that
are read. It is kept, so that a commit that was fetched once needs no network again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import ConfigurationError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ABBREVIATED = re.compile(r"[0-9a-f]{7,39}")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]*")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_TIMEOUT = 300  # seconds for one git command; a first fetch over a slow line takes a minute
_GIT_KEPT = {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"}


def without_login(url: str) -> str:
    """Return `url` without the user and password that it may carry."""
    return _LOGIN.sub("", url)


def is_path(repo: str) -> bool:
    """Tell a local path from a URL and from `user@host:path`."""
    return "://" not in repo and (repo.startswith(("/", ".", "~")) or ":" not in repo)


@contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Keep other commands out of `cache` while this one reads or fetches: git's own locks fail instead of waiting."""
    cache.mkdir(parents=True, exist_ok=True)
    with cache.with_name(f"{cache.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class CachedRepository:
    """The cached clone of one repository, a URL or a local path; the first use makes it."""

    def __init__(self, repo: str, cache: Path) -> None:
        self._repo = str(Path(repo).expanduser().resolve()) if is_path(repo) else repo
        self._shown = without_login(repo)
        self._folder = cache / hashlib.sha256(self._repo.encode()).hexdigest()[:12]
        if not (self._folder / "HEAD").is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet", "--bare")
        # A partial clone asks this remote again for a file that it left out.
        settings = {"url": self._repo, "promisor": "true", "partialCloneFilter": "blob:none"}
        self._local = is_path(repo) or repo.startswith("file://")
        if self._local:
            # A repository on this machine is asked with what public servers allow anyway.
            settings["uploadpack"] = (
                "git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack"
            )
        written = self._settings()
        for key, value in settings.items():
            if written.get(key.lower()) != value:
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
        known = self._find(f"{tag}^{{commit}}")
        if known and not self._local:
            return known, ""
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

    def date(self, commit: str) -> str:
        """Return when `commit` came, in UTC and so that texts sort as the moments do."""
        seconds = int(self._git("log", "-1", "--format=%ct", commit).stdout)
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def read(self, commit: str, path: str) -> bytes:
        """Return the content of the file `path` at `commit`."""
        content = self.read_if_there(commit, path)
        if content is None:
            raise ConfigurationError(
                f"{self._shown} has no file {path} at {commit[:12]}",
                where="upstream.compose_path",
                next_step="set upstream.compose_path, or another upstream.ref",
            )
        return content

    def read_if_there(self, commit: str, path: str) -> bytes | None:
        """Return the content of the file `path` at `commit`, None if there is no such file."""
        listed = self._git("ls-tree", commit, "--", path).stdout.split()
        if len(listed) < 3 or listed[1] != b"blob":
            return None
        shown = self._git("cat-file", "blob", listed[2].decode(), check=False)
        if shown.returncode:
            raise self._failed(commit, shown.stderr)
        return shown.stdout

    def sql_files(self, commit: str, folders: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """Return name and object id of the `.sql` files in `folders` at `commit`, sorted by name."""
        arguments = [f"{folder}/" for folder in folders]
        lines = self._git("ls-tree", "-z", commit, "--", *arguments).stdout.decode().split("\0")
        found = [(line.rpartition("/")[2], line.split()[2]) for line in lines if line.endswith(".sql")]
        return tuple(sorted(found))

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

    def _settings(self) -> dict[str, str]:
        """Return what the clone's configuration says of the remote; keys are in lower case."""
        listed = self._git("config", "--local", "-z", "--get-regexp", r"^remote\.origin\.", check=False)
        pairs = (entry.partition("\n") for entry in listed.stdout.decode(errors="replace").split("\0") if entry)
        return {key.removeprefix("remote.origin."): value for key, _, value in pairs}

    def _has(self, name: str) -> bool:
        """Tell whether `name` is in the cache, without asking the remote for it."""
        return bool(self._find(name))

    def _find(self, name: str) -> str:
        """Return the id of `name` if it is in the cache, without asking the remote for it; else an empty text."""
        found = self._git("rev-parse", "--quiet", "--verify", name, check=False, lazy=False)
        return "" if found.returncode else found.stdout.decode().strip()

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
                f"{self._shown} did not answer within {_TIMEOUT} seconds",
                where="upstream.repo",
                next_step="try again; a full commit or a tag that was fetched before needs no network",
            ) from None
        if check and finished.returncode:
            raise ConfigurationError(
                f"git {arguments[0]} failed: {self._reason(finished.stderr)}",
                where=str(self._folder),
                next_step=f"remove this copy, the next command makes it anew: rm -rf {self._folder}",
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
