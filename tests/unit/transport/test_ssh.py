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

from gateway.errors import ConfigurationError, UnreachableError
from gateway.transport.ssh import open_transport
from tests.unit.situations import load

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


def opened(folder, known_hosts, *settings):
    """Open a transport to a port that nobody listens on."""
    host = load(folder, "connection.port=1", *settings, hosts=HOSTS).hosts["app1"]
    return open_transport(host, "trial", folder, known_hosts)


def test_what_is_unaffected_is_said_when_nobody_answers(tmp_path):
    with pytest.raises(UnreachableError, match="no connection") as caught:
        opened(tmp_path, tmp_path / "known_hosts")
    assert caught.value.unaffected == "nothing was sent to the host"


def test_a_home_that_nobody_has_is_no_defect(tmp_path):
    with pytest.raises(ConfigurationError, match="home folder in `~nobody-at-all/key`"):
        opened(tmp_path, tmp_path / "known_hosts", "connection.identity_file=~nobody-at-all/key")


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_pinned_keys_that_cannot_be_read_are_told_as_that(tmp_path, monkeypatch, resetting, error):
    """As a connection that does not come about it sent people to look at the host."""

    def refuse(*_):
        raise error

    known_hosts = tmp_path / "known_hosts"
    known_hosts.touch()
    monkeypatch.setattr("paramiko.SSHClient.load_host_keys", refuse)
    with pytest.raises(ConfigurationError, match=f"pinned keys cannot be read: {error.strerror.lower()}"):
        opened(tmp_path, known_hosts, f"connection.port={resetting}")
