"""The loop that leaves the hashes of the valid keys to the gateway, run with a `psql` that plays the store."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.render.templates import render_template
from tests.templates.running_envoy import eventually

PSQL = """#!/bin/sh
number=$(cat calls 2>/dev/null || echo 1)
echo $((number + 1)) >calls
case "$(sed -n "${number}p" plan)" in
hangs) exec sleep 600 ;;
fails) echo "connection refused" >&2; exit 2 ;;
breaks) echo half; exit 2 ;;
*) sed -n "${number}p" plan ;;
esac
"""


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return what starts the loop on a store that gives one answer after the other, and returns the list's path."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*answers: str) -> Path:
        text = render_template("edge/keys.sh.j2", {"project": "helicone-x", "host": "one"})
        text = text.replace("/tmp/", "./").replace("/var/lib/keys", str(tmp_path))  # noqa: S108 - what is replaced
        (tmp_path / "loop.sh").write_text(text.replace("sleep 2", "sleep 0.02").replace("timeout 15", "timeout 0.5"))
        (tmp_path / "psql").write_text(PSQL)
        (tmp_path / "psql").chmod(0o755)
        (tmp_path / "plan").write_text("\n".join(answers) + "\n")
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        running.append(subprocess.Popen(["sh", str(tmp_path / "loop.sh")], env=environment, start_new_session=True))
        return tmp_path / "keys"

    yield start
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == f"{text}\n"


@pytest.mark.parametrize("trouble", ["fails", "breaks"])
def test_the_last_whole_list_stays_until_there_is_another(loop: Callable[..., Path], trouble: str) -> None:
    keys = loop("aa", *[trouble] * 30, "bb")
    assert eventually(lambda: says(keys, "aa"), 5) is not None
    assert eventually(lambda: says(keys, "bb"), 10) is not None


def test_a_store_that_vanishes_inside_an_answer_is_asked_again(loop: Callable[..., Path]) -> None:
    """Or a key that is revoked when it is back would stay valid until TCP gives up, after two hours."""
    keys = loop("aa", "hangs", "bb")
    assert eventually(lambda: says(keys, "aa"), 5) is not None
    assert eventually(lambda: says(keys, "bb"), 5) is not None
