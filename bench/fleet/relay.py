"""A relay that makes each target far away: `python -m bench.fleet.relay BLOCK COUNT ONE_WAY`, a process of its own.

Every byte waits for as long as the way is, without any limit of bandwidth. Opening a connection costs a
round trip as well, as TCP's own does. It says `ready` when it listens, answers every line of its standard input
with the bytes carried so far, to the targets and back, and ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

from bench.fleet.layout import PORT, RELAYS, TARGETS

CHUNK = 1 << 16
FORTH, BACK = 0, 1
carried = [0, 0]


async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, one_way: float, way: int) -> None:
    """Hand on what comes, each piece as late as the way is long, and then the end."""
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    clock = asyncio.get_running_loop().time

    async def read() -> None:
        """Note what comes and when; the empty piece is the end."""
        data = b"-"
        while data:
            try:
                data = await source.read(CHUNK)
            except OSError:
                data = b""
            carried[way] += len(data)
            waiting.put_nowait((clock() + one_way, data))

    reading = asyncio.create_task(read())
    with contextlib.suppress(OSError):
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(due - clock())
            if not data:
                break
            target.write(data)
        target.close()
    await reading


async def join(client: asyncio.StreamReader, back: asyncio.StreamWriter, target: str, one_way: float) -> None:
    """Connect a client with its target, both ways."""
    await asyncio.sleep(2 * one_way)
    try:
        server, forth = await asyncio.open_connection(target, PORT)
    except OSError:
        back.close()
        return
    for writer in (back, forth):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.gather(pass_on(client, forth, one_way, FORTH), pass_on(server, back, one_way, BACK))


async def main(block: int, count: int, one_way: float) -> None:
    """Relay to so many targets until standard input ends."""
    for number in range(1, count + 1):
        target = TARGETS.format(block=block, number=number)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str = target) -> None:
            """Serve one connection to the target of this number."""
            await join(reader, writer, target, one_way)

        await asyncio.start_server(serve, RELAYS.format(block=block, number=number), PORT)
    print("ready", flush=True)
    while await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        print(*carried, flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
