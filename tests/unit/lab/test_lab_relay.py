"""The line that end-to-end tests break: it carries everything, or so many bytes and then a reset or silence."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.lab.relay import Line, relay

HERE = "127.0.0.1"


@pytest.fixture
def echo() -> Iterator[tuple[tuple[str, int], list[bytes]]]:
    """Give a server that answers with what it is sent, and keeps it."""
    received: list[bytes] = []

    def answer(client: socket.socket) -> None:
        """Serve one client to its end."""
        with client, contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                received.append(data)
                client.sendall(data)

    def serve() -> None:
        """Serve whoever comes."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=answer, args=(client,), daemon=True).start()

    with socket.create_server((HERE, 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname(), received
        server.shutdown(socket.SHUT_RDWR)


def everything(client: socket.socket) -> bytes:
    """Read to the end, whichever it is."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while data := client.recv(1 << 16):
            found += data
    return found


def test_a_whole_line_carries_everything_and_counts_it(echo):
    with relay(HERE, echo[0], line := Line()) as port, socket.create_connection((HERE, port), 60) as client:
        client.sendall(b"x" * 100_000)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b"x" * 100_000
    assert line.carried == 100_000
    assert not line.is_broken


@pytest.mark.parametrize("most", [0, 1, 5000])
def test_a_line_that_is_cut_passes_exactly_so_many_bytes(echo, most):
    with relay(HERE, echo[0], line := Line(most)) as port, socket.create_connection((HERE, port), 60) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(b"x" * 10_000)
        everything(client)
    until = time.monotonic() + 60
    while len(b"".join(echo[1])) < most and time.monotonic() < until:
        time.sleep(0.01)  # the server may not have read it yet
    assert line.carried == most == len(b"".join(echo[1]))
    assert line.is_broken


def test_a_line_that_stalls_says_nothing(echo):
    with (
        relay(HERE, echo[0], line := Line(stalls=True)) as port,
        socket.create_connection((HERE, port), 60) as client,
    ):
        client.sendall(b"one")
        assert client.recv(10) == b"one"
        line.break_now()
        client.sendall(b"two")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(10)
    assert b"".join(echo[1]) == b"one"
