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

# A call that the loop ends before it answers has used nothing up: the next one is answered the same.
PSQL = """#!/bin/sh
read -r answer <answer
echo "$answer" >>calls
case "$answer" in
hangs) exec sleep 600 ;;
fails) echo "connection refused" >&2; exit 2 ;;
breaks) echo half; exit 2 ;;
*) echo "$answer" ;;
esac
"""


class Store:
    """A store that gives the same answer until it is told another one, and the list that the loop makes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "psql").write_text(PSQL)
        (folder / "psql").chmod(0o755)

    def answers(self, answer: str) -> None:
        """Let it answer this from now on."""
        (self.folder / "answer.new").write_text(f"{answer}\n")
        (self.folder / "answer.new").replace(self.folder / "answer")

    def asked(self, answer: str) -> int:
        """Return how often this was its answer."""
        calls = self.folder / "calls"
        return calls.read_text().splitlines().count(answer) if calls.exists() else 0

    @property
    def listed(self) -> str | None:
        """The list, as the gateway would read it."""
        keys = self.folder / "keys"
        return keys.read_text() if keys.exists() else None


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Return what starts the loop on a store, which answers `aa` at first, and the loop waits so long for it."""
    running: list[subprocess.Popen[bytes]] = []

    def start(patience: float = 15) -> Store:
        store = Store(tmp_path)
        store.answers("aa")
        text = render_template("edge/keys.sh.j2", {"project": "helicone-x", "host": "one"})
        text = text.replace("/tmp/", "./").replace("/var/lib/keys", str(tmp_path))  # noqa: S108 - what is replaced
        assert text.count("timeout 15 psql") == text.count("sleep 2 ") == 1
        text = text.replace("timeout 15 psql", f"timeout {patience} psql").replace("sleep 2 ", "sleep 0.02 ")
        (tmp_path / "loop.sh").write_text(text)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        running.append(subprocess.Popen(["sh", str(tmp_path / "loop.sh")], env=environment, start_new_session=True))
        assert eventually(lambda: store.listed == "aa\n") is not None
        return store

    yield start
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("trouble", ["fails", "breaks"])
def test_the_last_whole_list_stays_until_there_is_another(loop: Callable[..., Store], trouble: str) -> None:
    store = loop()
    store.answers(trouble)
    assert eventually(lambda: store.asked(trouble) > 5) is not None
    assert store.listed == "aa\n"
    store.answers("bb")
    assert eventually(lambda: store.listed == "bb\n") is not None


def test_a_store_that_vanishes_inside_an_answer_is_asked_again(loop: Callable[..., Store]) -> None:
    """Or a key that is revoked when it is back would stay valid until TCP gives up, after two hours."""
    store = loop(patience=0.5)
    store.answers("hangs")
    assert eventually(lambda: store.asked("hangs") > 1) is not None
    assert store.listed == "aa\n"
    store.answers("bb")
    assert eventually(lambda: store.listed == "bb\n") is not None
