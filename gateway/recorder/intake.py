"""Listens for what Envoy mirrors, and hands over one record per exchange."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass

from .assembly import Assembly, Counters
from .bodies import Shelf
from .http2 import Connection
from .record import Record


@dataclass(frozen=True, slots=True)
class Limits:
    """How large one body may be, and all bodies of open exchanges together.

    `reset_delay` is the `deferred_close_timeout` that Envoy was configured with, in seconds.
    """

    body_bytes: int = 10 << 20
    memory_bytes: int = 256 << 20
    reset_delay: float = 0.5


async def serve(address: tuple[str, int], take: Callable[[Record], None], limits: Limits) -> Server:
    """Listen on `address`, beside another recorder if one does, and return the server.

    `take` is called in the event loop with each record, once, and has to be quick. Raises OSError when
    the address cannot be listened on.
    """
    server = Server(take, limits)
    await server.listen(address)
    return server


class Server:
    """The listener, its connections, and what they have counted.

    `counters` are for status. `held` is how many bytes of bodies are in memory, `last_malformed` why the
    last unreadable connection was given up.
    """

    def __init__(self, take: Callable[[Record], None], limits: Limits) -> None:
        self.counters = Counters()
        self.last_malformed = ""
        self._take = take
        self._reset_delay = limits.reset_delay
        self._shelf = Shelf(limits.body_bytes, limits.memory_bytes)
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._none_left = asyncio.Event()
        self._none_left.set()

    @property
    def held(self) -> int:
        """Bytes of open exchanges' bodies in memory."""
        return self._shelf.held

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._listener is None:
            return 0
        return int(self._listener.sockets[0].getsockname()[1])

    async def listen(self, address: tuple[str, int]) -> None:
        """Start to accept connections; raises OSError."""
        listening = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            listening.bind(address)
        except OSError:
            listening.close()
            raise
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connection, sock=listening, backlog=1024)

    async def stop(self, grace: float) -> None:
        """Accept nothing more, let peers finish their streams for `grace` seconds, then close what is left.

        What is closed by then is recorded as far as it came. The listener closes before peers are asked to
        leave, so that they come to the next recorder, which has to listen already.
        """
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.drain()
        try:
            await asyncio.wait_for(self._none_left.wait(), grace)
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            await self._none_left.wait()

    def _connection(self) -> Connection:
        return Connection(self._stream, self._changed, self._malformed)

    def _stream(self, now: float) -> Assembly:
        return Assembly(now, self._shelf, self.counters, self._take, self._reset_delay)

    def _changed(self, connection: Connection) -> None:
        if connection.transport is not None:
            self._connections.add(connection)
            self._none_left.clear()
            return
        self._connections.discard(connection)
        if not self._connections:
            self._none_left.set()

    def _malformed(self, reason: str) -> None:
        self.counters.malformed += 1
        self.last_malformed = reason
