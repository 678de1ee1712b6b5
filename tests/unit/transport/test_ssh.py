"""Connections that do not come about: a sentence, and nothing else on the terminal."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HOSTS = """
all:
  hosts: {app1: {connection: {address: 127.0.0.1}, private_address: 10.0.0.1}}
  children: {data: {hosts: {app1: }}, app: {hosts: {app1: }}, edge: {hosts: {app1: }}}
"""
PROGRAM = f"""
import sys
from pathlib import Path
from gateway.errors import UnreachableError
from gateway.transport.ssh import open_transport
from tests.unit.situations import load
host = load(Path(sys.argv[1]), "connection.port=" + sys.argv[2], hosts={HOSTS!r}).hosts["app1"]
try:
    open_transport(host, "trial", Path(sys.argv[1]), Path("/nonexistent"))
except UnreachableError as error:
    print(error.message)
"""


@pytest.fixture
def resetting() -> Iterator[int]:
    """Give the port of a server that resets every connection at once, as a line that is cut does."""

    def serve() -> None:
        """Reset whoever comes, once."""
        client, _ = server.accept()
        client.recv(1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_a_connection_that_is_reset_in_the_handshake_is_a_sentence_and_no_traceback(tmp_path, resetting):
    """In a process of its own: under pytest somebody always listens to what is logged."""
    words = [sys.executable, "-c", PROGRAM, str(tmp_path), str(resetting)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("no connection: ")
    assert done.stderr == ""
