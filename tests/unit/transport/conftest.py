"""Real agents as processes of this machine, in temporary folders, with a PATH that the test decides about."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

import pytest

from gateway.transport import streams
from gateway.transport.bundle import command
from gateway.transport.conversation import Conversation
from gateway.transport.streams import LocalStream


class Machine:
    """A folder that plays the host: programs on PATH, the environment's root, and conversations with its agent."""

    def __init__(self, tmp_path):
        self.root = tmp_path / "helicone" / "trial"
        self.bin = tmp_path / "bin"
        self.bin.mkdir()
        for name in ("sh", "env", "sleep", "touch", "cat"):
            (self.bin / name).symlink_to(shutil.which(name))
        self.program("python3", f'exec {sys.executable} "$@"')
        self.began, self.go, self.done = tmp_path / "began", tmp_path / "go", tmp_path / "done"
        # Preparing a host without Docker calls apt-get: here, work that lasts until it is told to end.
        wait = f"while [ ! -e {self.go} ]; do sleep 0.02; done"
        self.program("apt-get", f"touch {self.began}\n{wait}\ntouch {self.done}\nexit 1")
        self.conversations = []
        self.command = command(str(self.root))

    def program(self, name, script):
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def talk(self):
        conversation = Conversation("host", LocalStream(self.command))
        self.conversations.append(conversation)
        conversation.request("open", root=str(self.root))
        return conversation

    def lease(self, conversation, owner="ann"):
        conversation.request("lease", owner=owner, command="deploy", seconds=30)

    def kill(self, conversation):
        os.killpg(conversation.stream.process.pid, signal.SIGKILL)
        conversation.stream.process.wait()


def wait_for(condition):
    """Return once `condition()` holds; fail after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.setattr(streams, "GOODBYE", 60)  # a busy machine is no reason to kill an agent
    yield made
    made.go.touch()
    for conversation in made.conversations:
        conversation.close()


@pytest.fixture
def eventually():
    return wait_for
