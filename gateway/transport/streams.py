"""The byte stream to an agent, over SSH or to a process on this machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
import threading
from typing import Protocol

import paramiko

SILENT_KEEPALIVES = 12  # how many intervals without an answer end a connection
GOODBYE = 5.0  # seconds for the agent to end once its input is closed
PIPE_BYTES = 1 << 20  # what any user may ask for; see pipe(7)


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
        self.transport = transport
        self._closed = threading.Event()
        threading.Thread(target=self._watch, args=(keepalive,), name="keepalive", daemon=True).start()
        try:
            self.channel = transport.open_session()
            self.channel.exec_command(command)
        except (paramiko.SSHException, EOFError) as error:
            self._closed.set()
            transport.close()
            raise OSError(f"the host runs no command: {str(error) or type(error).__name__}") from None

    def _watch(self, every: float) -> None:
        """Ask the server for an answer again and again, and close a connection that is silent for too long.

        Paramiko's own keepalive wants no answer, so a connection that stalls without a reset would
        be waited for until the system gives it up, a quarter of an hour later.
        """
        while self.transport.is_active() and not self._closed.wait(every):
            limit = threading.Timer(every * SILENT_KEEPALIVES, self.transport.close)
            limit.daemon = True
            limit.start()
            try:
                self.transport.global_request("keepalive@openssh.com", wait=True)
            except (OSError, EOFError, paramiko.SSHException):
                return
            finally:
                limit.cancel()

    def send(self, data: bytes) -> None:
        """See Stream."""
        try:
            self.channel.sendall(data)
        except paramiko.SSHException as error:
            raise OSError(str(error)) from None

    def receive(self) -> bytes:
        """See Stream."""
        return self.channel.recv(1 << 18)

    def complaint(self) -> str:
        """See Stream."""
        errors = b""
        while self.channel.recv_stderr_ready():
            errors += self.channel.recv_stderr(1 << 16)
        self.channel.status_event.wait(2)  # it may come after the end of the output
        code = self.channel.recv_exit_status() if self.channel.exit_status_ready() else "unknown"
        return f"{errors.decode(errors='replace').strip()[-300:]} (exit code {code})"

    def close(self) -> None:
        """See Stream."""
        self._closed.set()
        self.channel.close()
        self.transport.close()


class LocalStream:
    """The agent as a process on the controller itself, for an environment without SSH."""

    def __init__(self, command: str) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads could fill up
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdin is not None  # noqa: S101 - stdin=PIPE gives one
        # The agent has to fit in: whoever is to read it may be busy printing something else, which nobody reads yet.
        fcntl.fcntl(self.process.stdin, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

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
        if self.errors.closed:
            return "closed on this side"
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()[-300:]

    def close(self) -> None:
        """See Stream. Waits for the agent to give the lease back, but not for work, which outlives it."""
        assert self.process.stdin is not None  # noqa: S101 - stdin=PIPE gives one
        with contextlib.suppress(OSError):  # what a dead agent did not take
            self.process.stdin.close()
        try:
            self.process.wait(GOODBYE)
        except subprocess.TimeoutExpired:  # whoever still waits for an answer is told by this that there will be none
            with contextlib.suppress(PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.errors.close()
