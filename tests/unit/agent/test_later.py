"""What a deploy imports on a host, seen from a fresh process: modules that cost more than they are used for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.agent import later

ROOT = Path(__file__).resolve().parents[3]


def imported(statement):
    """Return the modules that a fresh Python has after a statement."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {statement}; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-I", "-S", "-c", program], text=True).split())


@pytest.mark.parametrize("modules", ["session, snapshot, commands", "switch, stage, schedule, backup_settings, boot"])
def test_a_deploy_needs_neither_the_web_nor_the_inspection_of_code(modules):
    statement = f"from gateway.agent import {modules}"
    assert not imported(statement) & {"http.client", "ssl", "email", "urllib.request", "inspect", "ast"}


def test_a_look_needs_no_ways_of_compression():
    assert not imported("from gateway.agent import session, snapshot") & {"shutil", "zlib", "lzma", "bz2"}


def test_what_stands_for_a_module_imports_it_when_asked_or_told():
    head = "from gateway.agent import later; one, other = later.later('drill sets')"
    assert not imported(head) & {"gateway.agent.drill", "gateway.agent.sets"}
    assert "gateway.agent.sets" in imported(f"{head}; other.listed")
    assert "gateway.agent.drill" in imported(f"{head}; later.load(one)")


def test_a_module_itself_needs_no_loading():
    later.load(sys)
