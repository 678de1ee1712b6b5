"""Sockets that wait for others, of a process of the test's own."""

from __future__ import annotations

import contextlib
import socket
import struct

import pytest

from gateway.agent import sockets


def _message(kind, flags=2, length=88, first=0):
    """Return a netlink message of a kind, 72 bytes long beside its header, that says that it has `length` bytes."""
    return struct.pack("=IHHIIi", length, kind, flags, 1, 0, first) + bytes(68)


def test_what_listens_is_found_and_a_connection_is_not():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        found = {(one.protocol, sockets.address(one.address), one.port) for one in sockets.waiting()}
        assert ("tcp", "127.0.0.1", server.getsockname()[1]) in found
        assert ("tcp", "127.0.0.1", client.getsockname()[1]) not in found


def test_a_udp_socket_waits_until_it_has_a_peer():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        assert ("udp", port) in {(found.protocol, found.port) for found in sockets.waiting()}
        one.connect(("127.0.0.1", 9))
        assert ("udp", port) not in {(found.protocol, found.port) for found in sockets.waiting()}


@pytest.mark.parametrize(
    ("family", "host"),
    [("", "127.0.0.1"), ("", "0.0.0.0"), ("6", "::1"), ("6", "::")],  # noqa: S104
)
def test_the_kernel_names_the_sockets_that_its_files_show(family, host):
    with contextlib.ExitStack() as opened:
        try:
            servers = [
                opened.enter_context(
                    socket.create_server((host, 0), family=socket.AF_INET6 if family else socket.AF_INET)
                )
                for _ in range(300)  # more than fit into one part of an answer
            ]
        except OSError:
            pytest.skip("this machine has no such address")
        ports = {server.getsockname()[1] for server in servers}
        asked, read = ([one for one in found if one.port in ports] for found in both(family))
        assert len(asked) == 300
        assert sorted(asked) == sorted(read)


def both(family):
    return sockets.listening(family), sockets.shown("tcp", family)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"short", _message(2), _message(20, flags=0x12), _message(20, length=99),
        _message(3, first=-2), _message(3, length=20, first=-2),  # no module for TCP (ENOENT)
        _message(3, flags=0x12), _message(3, length=16)[:16],
    ],
)  # fmt: skip
def test_a_kernel_that_does_not_answer_well_is_read_instead(monkeypatch, answer):
    class Netlink(socket.socket):
        """A socket whose other end says something else."""

        def send(self, data):
            return len(data)

        def recv(self, size):
            return answer

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(sockets.socket, "socket", Netlink)
        assert ("tcp", "0100007F", server.getsockname()[1]) in sockets.waiting()
        with pytest.raises((OSError, ValueError, struct.error)):
            sockets.listening("")


@pytest.mark.parametrize(
    ("shown", "address"),
    [("0100007F", "127.0.0.1"), ("00000000", "0.0.0.0"), ("0" * 32, "::"), ("0" * 24 + "01000000", "::1")],  # noqa: S104
)
def test_addresses_as_the_kernel_writes_them(shown, address):
    assert sockets.address(shown) == address
