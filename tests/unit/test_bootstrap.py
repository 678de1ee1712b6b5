"""bootstrap.sh: its words, its refusals, and how it starts Docker. Nothing is installed here."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "bootstrap.sh"
# Stands in for the commands that would change this machine: each says that it was called.
RECORDER = """
as_root() { echo "called: $*" >&2; }
engine_version() { return 1; }
"""


def bootstrap(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script as an operator does."""
    return subprocess.run(
        ["bash", str(SCRIPT), *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def sourced(code: str) -> subprocess.CompletedProcess[str]:
    """Run shell code that may call the script's functions, and replace some of them; all output is in stdout."""
    return subprocess.run(
        ["bash", "-c", f'source "{SCRIPT}"\n{code}'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_help_names_every_word():
    shown = bootstrap("--help")
    assert shown.returncode == 0
    for word in ("bootstrap.sh local", "bootstrap.sh tools", "bootstrap.sh --test"):
        assert word in shown.stdout


@pytest.mark.parametrize("words", [["nonsense"], ["--tests"], ["lab", "local"]])
def test_unknown_words_are_refused(words: list[str]):
    refused = bootstrap(*words)
    assert refused.returncode == 2
    assert "--help" in refused.stderr
    assert refused.stdout == ""


def test_another_system_is_named_and_refused(tmp_path: Path):
    release = tmp_path / "os-release"
    release.write_text('ID=fedora\nPRETTY_NAME="Fedora Linux 44"\n')
    refused = bootstrap(OS_RELEASE=str(release))
    assert refused.returncode == 2
    assert "this machine runs Fedora Linux 44" in refused.stderr


@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs a Debian machine")
@pytest.mark.parametrize("text", ["ID=debian\n", "ID=ubuntu\nID_LIKE=debian\n", 'ID=mint\nID_LIKE="ubuntu debian"\n'])
def test_debian_and_its_like_are_accepted(tmp_path: Path, text: str):
    release = tmp_path / "os-release"
    release.write_text(text)
    assert sourced(f"OS_RELEASE={release} require_debian").returncode == 0


@pytest.mark.parametrize(("mode", "installed"), [("test", True), ("local", False)])
def test_what_the_unit_tests_run_is_installed_for_them_alone(mode: str, installed: bool):
    """The secrets' tests have age read what this program wrote."""
    done = sourced(
        f'MODE={mode}; has_program() {{ [[ $1 != age ]]; }}; install_packages() {{ echo "installs $*"; }};'
        " install_missing_packages"
    )
    assert ("installs" in done.stdout and " age" in done.stdout) is installed


def test_a_running_engine_is_used_as_it_is():
    done = sourced('as_root() { echo "called: $*"; }; engine_version() { echo 29.0; }; ensure_docker_engine')
    assert done.stdout == "==> Docker Engine: 29.0 is running\n"


def test_a_missing_engine_is_installed_before_it_is_started():
    done = sourced(RECORDER + "has_program() { return 1; }; start_docker() { echo started; }; ensure_docker_engine")
    calls = done.stdout.splitlines()
    installed = next(i for i, line in enumerate(calls) if "apt-get install" in line and "docker.io" in line)
    assert installed < calls.index("started")


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="this machine has systemd")
def test_without_systemd_the_background_comes_after_the_init_script():
    done = sourced(RECORDER + "engine_answers_within() { [[ $1 == 60 ]]; }; ensure_docker_engine || true")
    assert "starting dockerd in the background, log in /var/log/dockerd-bootstrap.log" in done.stdout
    assert done.stdout.index("init script") < done.stdout.index("setsid nohup dockerd")


def test_an_engine_that_never_answers_ends_with_a_place_to_look():
    done = sourced(RECORDER + "engine_answers_within() { return 1; }; start_docker")
    assert done.returncode == 2
    assert "does not answer after 60 s. Look at " in done.stdout


def test_a_virtual_environment_of_the_same_lock_is_left_alone(tmp_path: Path):
    (tmp_path / "requirements.lock").write_text("one==1\n")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "docker-compose"):
        (programs / name).write_text('#!/bin/sh\necho pip was called: $* >> calls\n[ -z "$1" ] || exit 0\n')
        (programs / name).chmod(0o755)
    (tmp_path / ".venv/.installed-from").write_text(hashlib.sha256(b"one==1\n").hexdigest() + "\n")
    same = sourced(f"cd {tmp_path}; PROJECT={tmp_path}; require_python() {{ :; }}; make_virtual_environment")
    assert "virtual environment: up to date" in same.stdout
    (tmp_path / "requirements.lock").write_text("one==2\n")
    other = sourced(f"cd {tmp_path}; PROJECT={tmp_path}; require_python() {{ :; }}; make_virtual_environment")
    assert "installing what requirements.lock names" in other.stdout
    assert "--require-hashes -r requirements.lock" in (tmp_path / "calls").read_text()
    assert (tmp_path / ".venv/.installed-from").read_text().strip() == hashlib.sha256(b"one==2\n").hexdigest()


@pytest.mark.parametrize(("codes", "exit_code"), [({}, 0), ({"mypy": 1}, 1), ({"invoke": 3}, 1), ({"python": 5}, 1)])
def test_the_suite_ends_with_an_honest_exit_code(codes: dict[str, int], exit_code: int):
    names = ("ruff", "mypy", "python", "invoke")
    programs = "".join(f"{name}() {{ echo ran {name} $*; return {codes.get(name, 0)}; }}\n" for name in names)
    done = sourced(f"{programs}lab_is_up() {{ return 0; }}\nrun_the_suite")
    assert done.returncode == exit_code
    assert "ran ruff format --check" in done.stdout, "a failure must not keep the other parts from running"
    assert ("ran python -m pytest --durations=25 -m not long tests/lab" in done.stdout) == ("invoke" not in codes)


def test_a_lab_that_the_suite_brought_up_is_taken_down_also_after_a_failure():
    programs = "".join(f"{name}() {{ :; }}\n" for name in ("ruff", "mypy"))
    code = (
        f"{programs}python() {{ return 1; }}\ninvoke() {{ echo ran invoke $*; }}\n"
        "lab_is_up() { return 1; }\nrun_the_suite"
    )
    done = sourced(code)
    assert done.returncode == 1
    assert done.stdout.rstrip().endswith("ran invoke lab.down")


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_finds_nothing():
    done = subprocess.run(
        ["shellcheck", "-x", SCRIPT, ROOT / ".ci/run", ROOT / "tests/faults.sh"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
