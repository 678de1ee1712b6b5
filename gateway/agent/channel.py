"""The line protocol between controller and agent, and work that outlives the connection.

A request is one JSON line, followed by `payload_bytes` raw bytes where it names them. An answer is
any number of JSON lines with `event`, then one with `done`.
"""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Callable, Iterator
from typing import Any

from .failure import StepFailed

Emit = Callable[..., None]


class Channel:
    """The two ends of the connection as file descriptors, read without a library buffer in between."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self.buffer = b""
        self.open = True
        self.patience: float | None = None  # seconds of silence after which a controller counts as gone

    def emit(self, **message: Any) -> None:
        """Send one line; a controller that is gone is not an error here."""
        try:
            data = json.dumps(message).encode() + b"\n"
            while data:
                data = data[os.write(self.outgoing, data) :]
        except OSError:
            self.open = False

    def fill(self) -> bool:
        """Read what has arrived; return whether the connection is still open."""
        try:
            data = os.read(self.incoming, 1 << 18)
        except OSError:  # a connection that was reset is closed
            data = b""
        self.buffer += data
        self.open = self.open and bool(data)
        return bool(data)

    def requests(self) -> Iterator[dict[str, Any]]:
        """Yield the requests as they come, until the controller closes its end or is silent for too long."""
        while True:
            while b"\n" not in self.buffer:
                if not select.select([self.incoming], [], [], self.patience)[0]:
                    self.open = False
                if not self.open or not self.fill():
                    return
            line, self.buffer = self.buffer.split(b"\n", 1)
            yield json.loads(line)

    def payload(self, size: int, on_part: Callable[[], None]) -> bytes:
        """Return the `size` raw bytes that follow the request just read; `on_part` is called as they come.

        Raises StepFailed when the connection ends before they are all there.
        """
        parts = [self.buffer[:size]]
        self.buffer = self.buffer[size:]
        missing = size - len(parts[0])
        while missing:
            data = os.read(self.incoming, min(missing, 1 << 20))
            if not data:
                raise StepFailed("receive", "the connection ended inside an upload")
            parts.append(data)
            missing -= len(data)
            on_part()
        return b"".join(parts)


def run_detached(
    channel: Channel,
    work: Callable[[Emit], dict[str, Any]],
    on_start: Callable[[int], None],
    on_heard: Callable[[], None],
) -> dict[str, Any]:
    """Run `work` in a process of its own session and relay what it reports; return its last message.

    The process goes on when the connection, and with it this one, ends: that is what makes a host
    end fully old or fully new whatever happens to the controller. `on_start` gets its process id
    before it begins; if that raises, or this process is killed in it, the work never begins.
    `on_heard` is called for anything the controller sends meanwhile, and for the end of its connection.
    """
    reading, writing = os.pipe()
    waiting, starting = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        os.close(starting)
        if os.read(waiting, 1):
            _be_detached(channel, writing, work)
        os._exit(0)
    os.close(writing)
    os.close(waiting)
    try:
        try:
            on_start(process)
            os.write(starting, b"1")
        finally:
            os.close(starting)
        return _relay(channel, reading, on_heard)
    finally:
        os.close(reading)
        os.waitpid(process, 0)


def _relay(channel: Channel, reading: int, on_heard: Callable[[], None]) -> dict[str, Any]:
    """Pass the worker's lines on until it ends; return the outcome it reported.

    What the controller sends meanwhile (heartbeats) stays in the channel's buffer until the work is done.
    """
    killed = StepFailed("worker", "the process that changes this host was killed", kind="doubt")
    outcome: dict[str, Any] = {"done": False, "error": killed.as_dict()}
    pending = b""
    while True:
        watched = [reading, channel.incoming] if channel.open else [reading]
        ready, _, _ = select.select(watched, [], [])
        if channel.incoming in ready:
            channel.fill()
            on_heard()
        if reading in ready:
            data = os.read(reading, 1 << 16)
            if not data:
                return outcome
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                if "done" in message:
                    outcome = message
                else:
                    channel.emit(**message)


def _be_detached(channel: Channel, writing: int, work: Callable[[Emit], dict[str, Any]]) -> None:
    """Do the work as a session leader without a terminal or the connection, then end the process."""
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(channel.outgoing)
    output = Channel(null, writing)
    try:
        result = work(output.emit)
        output.emit(done=True, result=result)
    except StepFailed as failure:
        output.emit(done=False, error=failure.as_dict())
    except BaseException:  # noqa: BLE001 - a worker must always report, and must never return into its parent
        import traceback

        last = traceback.format_exc(limit=-4).splitlines()
        output.emit(done=False, error={"step": "agent", "message": last[-1], "kind": "failed", "logs": last})
    os._exit(0)
