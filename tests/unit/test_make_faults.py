"""`make faults` ends as its tests do, and leaves the lab as it was found. Nothing of a lab is started here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "tests/faults.sh"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project whose programs only note what they were asked; the tests end with the code in `code`."""
    for name in ("bootstrap.sh", SCRIPT):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    noted = f'echo "$(basename "$0") $*" >>{tmp_path}/asked'
    programs = {
        ".venv/bin/invoke": noted,
        ".venv/bin/python": f"{noted}\necho $FAULT_KILLS $FAULT_ROUNDS >>{tmp_path}/asked\nexit $(cat {tmp_path}/code)",
        "bin/docker": f"cat {tmp_path}/running",
    }
    for name, text in programs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "code").write_text("0")
    (tmp_path / "running").write_text("")
    return tmp_path


def run(project: Path) -> tuple[int, list[str]]:
    """Run it and return its exit code and what was asked of the programs."""
    path = f"{project}/bin:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", SCRIPT], cwd=project, capture_output=True, text=True, check=False, env={"PATH": path}
    )
    return done.returncode, (project / "asked").read_text().splitlines()


TESTS = ["python -m pytest -m fault tests/unit tests/lab", "100 20"]


@pytest.mark.parametrize("code", [0, 1])
def test_a_lab_that_was_not_there_is_taken_down_again(project: Path, code: int) -> None:
    (project / "code").write_text(str(code))
    assert run(project) == (code, ["invoke lab.up", *TESTS, "invoke lab.down"])


def test_a_lab_that_was_up_stays_up(project: Path) -> None:
    (project / ".lab").mkdir()
    (project / "running").write_text("0123456789ab\n")
    assert run(project) == (0, ["invoke lab.up", *TESTS])


def test_make_runs_it() -> None:
    assert f"\tbash {SCRIPT}\n" in (ROOT / "Makefile").read_text()
