"""The repository in upstream's shape."""

import subprocess
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from lab.upstream import ensure_upstream


def commit_of(repository: Path, reference: str) -> str:
    command = ["git", "--git-dir", str(repository), "rev-parse", f"{reference}^{{commit}}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def make_tree(directory: Path) -> Path:
    (directory / "docker").mkdir(parents=True)
    (directory / "docker" / "docker-compose.yml").write_text("services: {}\n")
    return directory


def test_the_same_tree_gives_the_same_commit(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    ensure_upstream(tree, tmp_path / "one.git")
    ensure_upstream(tree, tmp_path / "two.git")
    assert commit_of(tmp_path / "one.git", "lab") == commit_of(tmp_path / "two.git", "main")


def test_running_again_changes_nothing_and_a_changed_tree_moves_the_tag(tmp_path: Path) -> None:
    tree, repository = make_tree(tmp_path / "tree"), tmp_path / "bare.git"
    ensure_upstream(tree, repository)
    before = commit_of(repository, "lab")
    assert ensure_upstream(tree, repository).startswith("unchanged")
    (tree / "docker" / "docker-compose.yml").unlink()
    (tree / "new").write_text("x")
    assert ensure_upstream(tree, repository).startswith("commit")
    assert commit_of(repository, "lab") != before


def test_a_partial_clone_works(tmp_path: Path) -> None:
    repository = tmp_path / "bare.git"
    ensure_upstream(make_tree(tmp_path / "tree"), repository)
    subprocess.run(
        [
            "git",
            "clone",
            "-q",
            "--filter=blob:none",
            "--no-checkout",
            f"file://{repository}",
            str(tmp_path / "clone"),
        ],
        check=True,
    )
    assert (tmp_path / "clone" / ".git").is_dir()


def test_a_missing_tree_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="missing"):
        ensure_upstream(tmp_path / "nothing", tmp_path / "bare.git")
