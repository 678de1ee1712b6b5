"""A TCP port of this machine that leads to another address."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until the source ends, then say so to the target."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _join(client: socket.socket, target: tuple[str, int]) -> None:
    with client, socket.create_connection(target, 10) as server:
        answers = threading.Thread(target=_copy, args=(server, client), daemon=True)
        answers.start()
        _copy(client, server)
        answers.join()


def own_address(target: str) -> str:
    """Return the address of this machine on the network that leads to `target`. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((target, 9))
        return str(probe.getsockname()[0])


@contextlib.contextmanager
def relay(address: str, target: tuple[str, int]) -> Iterator[int]:
    """Listen on a free port of `address`, pass every connection on to `target`, and yield the port."""
    with socket.create_server((address, 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the socket was closed: the end
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=_join, args=(client, target), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)  # wakes the accept, which a close alone would not
