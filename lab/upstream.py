"""The lab's git repository in upstream's shape: the same tree always gives the same commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from gateway.errors import ConfigurationError, GatewayError
from lab.layout import UPSTREAM_REPOSITORY, UPSTREAM_TREE
from lab.migration_files import write as write_migrations

TAG = "lab"
_MOMENT = "2026-07-21T12:00:00+00:00"
_IDENTITY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "Helicone lab"), ("EMAIL", "lab@helicone.invalid"), ("DATE", _MOMENT))
}


def ensure_upstream(tree: Path = UPSTREAM_TREE, repository: Path = UPSTREAM_REPOSITORY) -> str:
    """Make a bare repository of `tree` and the migration files, one commit tagged `lab`; return its short id.

    Authors and dates are fixed and the operator's git settings are ignored, so that the id depends on
    the tree alone. Partial clones and fetches by commit id are allowed, as the public forges allow them.
    """
    if not tree.is_dir():
        raise ConfigurationError("the tree in upstream's shape is missing", where=str(tree))
    with tempfile.TemporaryDirectory(prefix="helicone-lab-") as folder:
        whole = Path(folder) / "tree"
        shutil.copytree(tree, whole)
        write_migrations(whole)
        return _commit(whole, repository)


def _commit(tree: Path, repository: Path) -> str:
    """Make `tree` the one commit of `repository`, if it is not already."""
    if not (repository / "HEAD").is_file():
        repository.parent.mkdir(parents=True, exist_ok=True)
        _git(repository, "init", "--quiet", "--bare", "--initial-branch=main", str(repository))
    for key in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        _git(repository, "config", key, "true")
    index = repository / "lab-index"
    index.unlink(missing_ok=True)
    work = {"GIT_WORK_TREE": str(tree), "GIT_INDEX_FILE": str(index)}
    _git(repository, "add", "--all", "--force", ".", environment=work, directory=tree)
    written = _git(repository, "write-tree", environment=work)
    index.unlink()
    commit = _git(repository, "commit-tree", written, "-m", "Helicone as the lab deploys it")
    before = _git(repository, "for-each-ref", "--format=%(objectname)", "refs/heads/main")
    _git(repository, "update-ref", "refs/heads/main", commit)
    _git(repository, "tag", "--force", "--annotate", "-m", "What the lab deploys", TAG, commit)
    return f"{'unchanged' if before == commit else 'commit'} {commit[:12]}"


def _git(
    repository: Path,
    *arguments: str,
    environment: dict[str, str] | None = None,
    directory: Path | None = None,
) -> str:
    """Run git on the bare repository with fixed identity and without anybody's configuration."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    isolated = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_DIR": str(repository)}
    answer = subprocess.run(
        ["git", "-c", "core.autocrlf=false", *arguments],
        capture_output=True,
        text=True,
        cwd=directory,
        env=own | isolated | _IDENTITY | (environment or {}),
        check=False,
    )
    if answer.returncode != 0:
        raise GatewayError(f"git {arguments[0]} failed: {answer.stderr.strip()}", where="lab")
    return answer.stdout.strip()
