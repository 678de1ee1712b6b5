"""Programs whose output goes to the controller line by line, for as long as it listens."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Callable, Sequence

from .channel import Channel

_CHUNK = 1 << 16
_LONGEST = 1 << 20  # what has no line end by then goes as it is
OnLine = Callable[[str, str, str], None]


class Relay:
    """Programs side by side. What they print goes to `on_line` as (name, `stdout` or `stderr`, line with its end)."""

    def __init__(self, channel: Channel, on_line: OnLine) -> None:
        self._channel = channel
        self._on_line = on_line
        self._pipes: dict[int, tuple[str, str]] = {}
        self._pending: dict[int, bytes] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a program under a name that no running one has."""
        if name in self._processes:
            self._processes[name].wait()
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._processes[name] = process
        for stream, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
            assert pipe is not None  # noqa: S101 - PIPE gives one
            descriptor = os.dup(pipe.fileno())
            pipe.close()
            self._pipes[descriptor] = (name, stream)
            self._pending[descriptor] = b""

    def running(self, name: str) -> bool:
        """Return whether a program of this name still prints."""
        return any(name == found for found, _ in self._pipes.values())

    def run(self, again: Callable[[], None] | None = None, every: float = 2.0) -> dict[str, int]:
        """Pass lines on until all programs have ended, and return their exit codes by name.

        With `again`, which is called every so many seconds and may start more, it goes on until the controller
        is gone. Then the programs are ended in either case.
        """
        due = time.monotonic() + every
        try:
            while self._channel.open and (self._pipes or again):
                wait = max(0.0, due - time.monotonic()) if again else None
                ready, _, _ = select.select([self._channel.incoming, *self._pipes], [], [], wait)
                for descriptor in ready:
                    if descriptor == self._channel.incoming:
                        self._channel.fill()
                    else:
                        self._read(descriptor)
                if again and time.monotonic() >= due:
                    again()
                    due = time.monotonic() + every
        finally:
            self._stop()
        return {name: process.wait() for name, process in self._processes.items()}

    def _read(self, descriptor: int) -> None:
        data = os.read(descriptor, _CHUNK)
        name, stream = self._pipes[descriptor]
        *lines, rest = (self._pending[descriptor] + data).splitlines(keepends=True) or [b""]
        if rest and (not data or rest.endswith(b"\n") or len(rest) > _LONGEST):
            lines, rest = [*lines, rest], b""
        self._pending[descriptor] = rest
        for line in lines:
            self._on_line(name, stream, line.decode(errors="replace"))
        if not data:
            os.close(descriptor)
            del self._pipes[descriptor], self._pending[descriptor]

    def _stop(self) -> None:
        """End what still runs: nobody reads it any more."""
        for process in self._processes.values():
            if process.poll() is None and (self._pipes or not self._channel.open):
                with contextlib.suppress(OSError):
                    process.kill()
        for descriptor in self._pipes:
            os.close(descriptor)
        self._pipes.clear()
