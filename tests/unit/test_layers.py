"""What may know of what: the borders that keep the left side of the flow pure and the agent portable."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Everything that runs without a host. It may use one module of the agent: how a release is named and read there.
PURE = ("inventory", "render")
PURE_MODULES = (
    "age_identity", "backup_variables", "better_auth", "checkup", "compose_program", "document", "durations",
    "edge_variables", "eras", "errors", "git_cache", "guard_variables", "images", "migrations", "own_variables",
    "preflight", "private_file", "release", "rotation", "runbooks", "secret", "secret_names", "upstream",
    "upstream_changes", "upstream_shape", "variable_types", "variables", "vault", "vault_edit", "vault_notes",
    "vault_text", "versions", "wording", "yaml_problem",
)  # fmt: skip
RIGHT = re.compile(r"gateway\.(plan|transport|commands|rollout|verify|console|results|typed|verb|agent(?!\.store\b))\b")
AGENT = sorted((ROOT / "gateway/agent").glob("*.py"))
RECORDER = sorted((ROOT / "gateway/recorder").glob("*.py"))
SENT = [*AGENT, *sorted((ROOT / "gateway/verify/onhost").glob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of each module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_what_stands_left_of_the_plan_knows_of_nothing_right_of_it():
    files = [path for folder in PURE for path in (ROOT / "gateway" / folder).glob("*.py")]
    files += [ROOT / "gateway" / f"{name}.py" for name in PURE_MODULES]
    found = {f"{path.name}: {name}" for path in files for name in imports(path) if RIGHT.match(name)}
    assert found == set()


def test_every_module_has_a_side():
    right = {"__init__", "console", "results", "rollout", "typed", "verb"}
    assert {path.stem for path in (ROOT / "gateway").glob("*.py")} == {*PURE_MODULES, *right}


@pytest.mark.parametrize("package", [AGENT, RECORDER], ids=["agent", "recorder"])
def test_what_runs_on_hosts_is_of_the_standard_library_alone(package: list[Path]):
    outside = {f"{path.name}: {name}" for path in package for name in imports(path) if not name.startswith(".")}
    assert {one for one in outside if one.partition(": ")[2].partition(".")[0] not in sys.stdlib_module_names} == set()


@pytest.mark.parametrize("path", SENT, ids=lambda path: path.stem)
def test_what_is_sent_to_hosts_is_python_3_9(path: Path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body) or (
        path.stem == "__init__"
    )


@pytest.mark.parametrize("folder", ["gateway", "roles", "templates"])
def test_the_product_knows_of_no_lab(folder: str):
    word = re.compile(r"\blab\b|\blab\.|STAND-IN|172\.30\.", re.IGNORECASE)
    texts = {path: path.read_text() for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".yml", ".j2"}}
    assert texts
    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if word.search(text)] == []
