"""The byte stream to an agent, over SSH or to a process on this machine."""

from __future__ import annotations

import os
import subprocess
from typing import Protocol

import paramiko

from gateway.transport.bundle import COMMAND


class Stream(Protocol):
    """What a conversation needs of a connection."""

    def send(self, data: bytes) -> None:
        """Send all of `data`. Raises OSError or EOFError when the connection is gone."""

    def receive(self) -> bytes:
        """Return what has arrived, waiting for something; empty when the other end is closed."""

    def complaint(self) -> str:
        """Return what the other end printed as errors and its exit code, once it is closed."""

    def close(self) -> None:
        """Close the stream and the connection below it."""


class SshStream:
    """An exec on a Paramiko connection that somebody else opened and this stream closes."""

    def __init__(self, transport: paramiko.Transport, command: str, keepalive: int = 5) -> None:
        transport.set_keepalive(keepalive)
        self.transport = transport
        self.channel = transport.open_session()
        self.channel.exec_command(command)

    def send(self, data: bytes) -> None:
        """See Stream."""
        self.channel.sendall(data)

    def receive(self) -> bytes:
        """See Stream."""
        return self.channel.recv(1 << 18)

    def complaint(self) -> str:
        """See Stream."""
        errors = b""
        while self.channel.recv_stderr_ready():
            errors += self.channel.recv_stderr(1 << 16)
        code = self.channel.recv_exit_status() if self.channel.exit_status_ready() else "unknown"
        return f"{errors.decode(errors='replace').strip()[-300:]} (exit code {code})"

    def close(self) -> None:
        """See Stream."""
        self.channel.close()
        self.transport.close()


class LocalStream:
    """The agent as a process on the controller itself, for an environment without SSH."""

    def __init__(self, become: bool) -> None:
        command = f"sudo -n {COMMAND}" if become and os.geteuid() else COMMAND
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def send(self, data: bytes) -> None:
        """See Stream."""
        assert self.process.stdin is not None  # noqa: S101 - stdin=PIPE gives one
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def receive(self) -> bytes:
        """See Stream."""
        assert self.process.stdout is not None  # noqa: S101 - stdout=PIPE gives one
        return os.read(self.process.stdout.fileno(), 1 << 18)

    def complaint(self) -> str:
        """See Stream."""
        assert self.process.stderr is not None  # noqa: S101 - stderr=PIPE gives one
        return self.process.stderr.read().decode(errors="replace").strip()[-300:]

    def close(self) -> None:
        """See Stream."""
        assert self.process.stdin is not None  # noqa: S101 - stdin=PIPE gives one
        self.process.stdin.close()
        self.process.wait()
