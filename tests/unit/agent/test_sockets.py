"""Sockets that wait for others, of a process of the test's own."""

from __future__ import annotations

import socket

import pytest

from gateway.agent import sockets


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
    ("shown", "address"),
    [("0100007F", "127.0.0.1"), ("00000000", "0.0.0.0"), ("0" * 32, "::"), ("0" * 24 + "01000000", "::1")],  # noqa: S104
)
def test_addresses_as_the_kernel_writes_them(shown, address):
    assert sockets.address(shown) == address
