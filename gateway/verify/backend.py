"""Testinfra over a conversation that is already open: no login and no exec of its own."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any, Protocol

from testinfra.backend import base
from testinfra.host import Host

# What testinfra asks every host for before its first look at a file.
SYSTEM_COMMANDS = ("uname -s", "uname -m", "cat /etc/os-release")


class Runner(Protocol):
    """What the backend needs of a `gateway.transport.conversation.Conversation`."""

    def request(self, verb: str, **arguments: Any) -> Any:
        """Send a request to the agent and return its result."""


class ConversationBackend(base.BaseBackend):  # type: ignore[misc]  # testinfra comes without types
    """Runs each command as a message to the agent, once: what a verification sees is one moment.

    A command that was run before, or by `ahead`, is answered from memory. `messages` counts the
    messages that were really sent.
    """

    NAME = "conversation"

    def __init__(self, hostname: str, conversation: Runner) -> None:
        super().__init__(hostname)
        self._encoding = "utf-8"  # the agent's locale is C.UTF-8
        self.conversation = conversation
        self.messages = 0
        self.answers: dict[str, tuple[int, str, str]] = {}

    def run(self, command: str, *args: str, **kwargs: Any) -> base.CommandResult:
        """Return the result of a shell command on the host. Raises AgentError, UnreachableError."""
        command = self.get_command(command, *args)
        if command not in self.answers:
            self.answers[command] = _answer(self._send("run", command=command))
        code, stdout, stderr = self.answers[command]
        return self.result(code, command.encode(), stdout, stderr)

    def ahead(self, commands: Sequence[str]) -> None:
        """Run commands together, in one message, and remember their results for `run`."""
        missing = [command for command in dict.fromkeys(commands) if command not in self.answers]
        if not missing:
            return
        results = self._send("run_all", commands=missing)["results"]
        self.answers.update({command: _answer(done) for command, done in zip(missing, results, strict=True)})

    def _send(self, verb: str, **arguments: Any) -> Any:
        self.messages += 1
        return self.conversation.request(verb, **arguments)


def _answer(done: dict[str, Any]) -> tuple[int, str, str]:
    return int(done["code"]), str(done["stdout"]), str(done["stderr"])


def host_over(name: str, conversation: Runner) -> Host:
    """Return testinfra's host object that speaks through `conversation`."""
    backend = ConversationBackend(name, conversation)
    host = Host(backend)
    backend.set_host(host)
    return host


def file_commands(path: str) -> list[str]:
    """Return the commands that testinfra's `file(path)` runs for existence, mode, owner and sha256.

    They are a hint for `ahead`: a wrong one costs a message, never a wrong answer.
    """
    quoted = shlex.quote(path)
    return [
        f"test -e {quoted}",
        f"stat -Lc %a {quoted}",
        f"stat -Lc %u {quoted}",
        f"sha256sum {quoted} | cut -d ' ' -f 1",
    ]
