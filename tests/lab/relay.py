"""A TCP port of this machine that leads to another address, over a line that may break."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator


class Line:
    """What a relay's connections go through: `carried` counts the bytes of clients, of which only `most` pass.

    Then the connection is reset both ways, or with `stalls` nothing moves any more and nobody is told.
    """

    def __init__(self, most: int | None = None, *, stalls: bool = False) -> None:
        self.most = most
        self.stalls = stalls
        self.carried = 0

    def break_now(self) -> None:
        """Let nothing more pass."""
        self.most = self.carried

    @property
    def is_broken(self) -> bool:
        """Tell whether all that may pass has passed."""
        return self.most is not None and self.carried >= self.most


def _copy(source: socket.socket, target: socket.socket, line: Line, *, of_client: bool) -> None:
    """Pass bytes on until the source ends, then say so to the target; or until the line breaks."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 14):
            if of_client and line.most is not None:
                data = data[: max(0, line.most - line.carried)]
            if line.is_broken:
                break
            line.carried += len(data) if of_client else 0
            target.sendall(data)
    if line.is_broken:
        if not line.stalls:
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close is a reset
                    end.shutdown(socket.SHUT_RDWR)
        return
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _join(client: socket.socket, target: tuple[str, int], line: Line, ended: threading.Event) -> None:
    with client, contextlib.suppress(OSError), socket.create_connection(target, 10) as server:
        words = {"line": line, "of_client": False}
        answers = threading.Thread(target=_copy, args=(server, client), kwargs=words, daemon=True)
        answers.start()
        _copy(client, server, line, of_client=True)
        if line.is_broken and line.stalls:
            ended.wait()  # both ends stay open, as on a line that is silent
        answers.join(60)


def own_address(target: str) -> str:
    """Return the address of this machine on the network that leads to `target`. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((target, 9))
        return str(probe.getsockname()[0])


@contextlib.contextmanager
def relay(address: str, target: tuple[str, int], line: Line | None = None, port: int = 0) -> Iterator[int]:
    """Listen on a port of `address` (0: a free one), pass connections on to `target` over `line`; yield the port."""
    way, ended = line or Line(), threading.Event()
    with socket.create_server((address, port)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the socket was closed: the end
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=_join, args=(client, target, way, ended), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        ended.set()
        server.shutdown(socket.SHUT_RDWR)  # wakes the accept, which a close alone would not
