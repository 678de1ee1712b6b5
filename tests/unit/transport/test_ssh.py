"""Connections that do not come about: a sentence, and nothing else on the terminal."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fabric
import paramiko
import pytest

from gateway.errors import ConfigurationError, UnreachableError
from gateway.transport.ssh import open_transport, pin, pinned_keys
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
    monkeypatch.setattr("paramiko.HostKeys.load", refuse)
    with pytest.raises(ConfigurationError, match=f"pinned keys cannot be read: {error.strerror.lower()}"):
        opened(tmp_path, known_hosts, f"connection.port={resetting}")


def line(names: str, key: paramiko.PKey) -> str:
    return f"{names} {key.get_name()} {key.get_base64()}\n"


@pytest.fixture(scope="module")
def keys() -> list[paramiko.PKey]:
    return [paramiko.ECDSAKey.generate(bits=bits) for bits in (256, 384, 256, 521)]


@pytest.mark.parametrize("name", ["one.example.com", "192.0.2.1", "[192.0.2.1]:2022", "[fd00::1]:2022", "192.0.2.9"])
def test_a_connection_accepts_what_paramiko_would_accept_of_the_whole_file(tmp_path, keys, name):
    first, second, third, fourth = keys
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(
        "# a comment\n\n"
        + line("one.example.com,192.0.2.1", first)
        + line("[192.0.2.1]:2022", second) + line("[192.0.2.1]:2022", fourth)
        + line(paramiko.HostKeys.hash_host("192.0.2.1"), second)
        + line("192.0.2.1", third)  # another of the kind that it has
        + line("[fd00::1]:2022", third) + line("[fd00::1]:2022", third)
        + "192.0.2.1 ssh-unknown AAAA\n192.0.2.1\n"
    )  # fmt: skip
    whole = paramiko.SSHClient()
    whole.load_host_keys(str(known_hosts))
    address, _, port = name.removeprefix("[").partition("]:")
    connection = fabric.Connection(address, port=int(port or 22))

    pin(connection, load(tmp_path, hosts=HOSTS).hosts["app1"], "trial", known_hosts)

    found, expected = (dict(client.get_host_keys().lookup(name) or {}) for client in (connection.client, whole))
    assert [*found.items()] == [*expected.items()]  # the first kind is what the server is asked for
    assert set(connection.client.get_host_keys()) <= {name}


@pytest.mark.parametrize("name", ["|1|", "|1|abc|def", "|1||", "|1|YWJj|ZGVm"])
def test_a_hashed_name_that_cannot_be_one_is_told_with_its_file(tmp_path, keys, name):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(line("192.0.2.1", keys[0]) + line(name, keys[1]))
    with pytest.raises(ConfigurationError, match="a line cannot be read") as caught:
        pinned_keys(known_hosts)
    assert (name in str(caught.value), caught.value.where) == (True, str(known_hosts))


def test_pinned_keys_are_read_once_until_the_file_is_another(tmp_path, keys, monkeypatch):
    known_hosts, host = tmp_path / "known_hosts", load(tmp_path, hosts=HOSTS).hosts["app1"]
    read, real = [], paramiko.HostKeys.load
    monkeypatch.setattr("paramiko.HostKeys.load", lambda self, name: (read.append(name), real(self, name)))

    def pinned() -> paramiko.PKey:
        connection = fabric.Connection("192.0.2.1")
        pin(connection, host, "trial", known_hosts)
        return next(iter(connection.client.get_host_keys()["192.0.2.1"].values()))

    known_hosts.write_text(line("192.0.2.1", keys[0]))
    with ThreadPoolExecutor(max_workers=4) as pool:
        assert [future.result() for future in [pool.submit(pinned) for _ in range(4)]] == [keys[0]] * 4
    assert len(read) == 1
    known_hosts.write_text(line("192.0.2.1", keys[1]))
    assert pinned() == keys[1]
    assert len(read) == 2
