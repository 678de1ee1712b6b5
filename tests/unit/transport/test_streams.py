"""SSH streams: a connection that stalls is given up."""

from __future__ import annotations

import threading
import time

import paramiko
import pytest

from gateway.transport import streams
from gateway.transport.streams import SshStream


class Channel:
    """A channel that runs what it is told."""

    def __init__(self, error=None):
        self.error = error
        self.commands = []

    def exec_command(self, command):
        if self.error:
            raise self.error
        self.commands.append(command)

    def sendall(self, data):
        raise paramiko.SSHException("Key-exchange timed out")

    def close(self):
        """Do nothing."""


class Transport:
    """A transport whose server answers keepalives, or not."""

    def __init__(self, answers=True, error=None):
        self.answers = answers
        self.asked = threading.Event()
        self.closed = threading.Event()
        self.channel = Channel(error)

    def open_session(self):
        return self.channel

    def is_active(self):
        return not self.closed.is_set()

    def global_request(self, kind, wait):
        assert wait
        self.asked.set()
        if not self.answers:
            self.closed.wait(60)

    def close(self):
        self.closed.set()


@pytest.mark.fault("F2")
def test_a_silent_server_is_given_up():
    transport = Transport(answers=False)
    SshStream(transport, "true", keepalive=0.01)
    assert transport.closed.wait(60)


def limits(transport):
    """Return how many limits are running out at whose end the connection would be closed."""
    timers = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    return sum(one.function == transport.close for one in timers)


def test_a_server_that_answers_is_kept(monkeypatch):
    monkeypatch.setattr(streams, "SILENT_KEEPALIVES", 60_000)  # ten minutes, at this pace
    transport = Transport()
    stream = SshStream(transport, "true", keepalive=0.01)
    for _ in range(20):
        assert transport.asked.wait(60)
        transport.asked.clear()
    until = time.monotonic() + 60
    while limits(transport) > 1 and time.monotonic() < until:
        time.sleep(0.01)
    assert limits(transport) <= 1  # each answer lifts the limit that its question had set
    assert not transport.closed.is_set()
    stream.close()
    assert transport.closed.is_set()


@pytest.mark.parametrize("error", [paramiko.ChannelException(1, "Administratively prohibited"), EOFError()])
def test_a_server_that_runs_no_command(error):
    transport = Transport(error=error)
    with pytest.raises(OSError, match="runs no command"):
        SshStream(transport, "true")
    assert transport.closed.is_set()


def test_a_send_that_fails_is_a_lost_connection():
    with pytest.raises(OSError, match="Key-exchange timed out"):
        SshStream(Transport(), "true").send(b"x")
