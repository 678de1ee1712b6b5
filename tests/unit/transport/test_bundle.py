"""The agent as it is sent."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys

import pytest

from gateway.agent.hello import WANTED
from gateway.transport.bundle import AGENT, archive, command

SOURCES = sorted(AGENT.glob("*.py"))


def test_the_same_sources_give_the_same_bytes():
    first = archive()
    archive.cache_clear()
    assert archive() == first
    assert int(first[:8]) == len(first) - 8


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_agent_needs_only_the_standard_library_of_python_3_9(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(node.module.partition(".")[0])
    assert imported <= sys.stdlib_module_names


def pythons():
    """Return the Pythons of this machine that answer, of those that hosts may have; there is always one."""
    named = (shutil.which(name) for name in ("python3", "python3.9", "python3.12", "python3.13"))
    return [
        path for path in named if path and not subprocess.run([path, "-V"], capture_output=True, check=False).returncode
    ]


@pytest.mark.parametrize("program", pythons())
def test_the_agent_starts_and_ends_under(program):
    words = command("/nonexistent").replace("python3", program, 1)
    talk = archive() + b'{"verb": "open", "root": "/nonexistent"}\n{"verb": "run", "command": "true"}\n'
    done = subprocess.run(["/bin/sh", "-c", words], input=talk, capture_output=True, check=False)
    assert done.stderr == b""
    assert [b"hello" in line or b'"done": true' in line for line in done.stdout.splitlines()[1:]] == [True] * 3


def test_a_connection_that_ends_early_is_quiet():
    done = subprocess.run(
        ["/bin/sh", "-c", command("/nonexistent")], input=archive()[:100], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, WANTED.encode() + b"\n", b"")
