"""The listening side, over real sockets."""

from __future__ import annotations

import asyncio
import random

import pytest

from gateway.recorder import intake
from gateway.recorder.frames import GOAWAY, LARGEST_WINDOW, frame

from .mirrored import CLIENT, HELLO, data, exchange, message, opening, request, reset, response


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


async def connect(server):
    """Connect and say hello; return the two ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HELLO)
    return reader, writer


def with_server(test, limits=None, problems=None):
    """Run `test(server, records)` on a server of its own; `problems` gets what nobody caught."""

    async def run():
        if problems is not None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        records = []
        server = await intake.serve(("127.0.0.1", 0), records.append, limits or intake.Limits())
        try:
            await test(server, records)
        finally:
            await server.stop(0)

    asyncio.run(run())


def named(name):
    return request(CLIENT | {"x-gateway-id": name})


def test_interleaved_streams_over_many_connections():
    async def test(server, records):
        ends = [await connect(server) for _ in range(3)]
        for which, (_, writer) in enumerate(ends):
            one, two = named(f"{which}-1"), named(f"{which}-3")
            writer.write(opening(1) + data(1, one[:50]) + opening(3) + data(3, two) + data(1, one[50:]))
            writer.write(data(3, response(b"three")) + data(1, response(b"one")) + reset(3) + reset(1))
        await until(lambda: len(records) == 6)
        bodies = {record.id: record.response_body for record in records}
        assert bodies == {f"{c}-{s}": b for c in range(3) for s, b in ((1, b"one"), (3, b"three"))}
        assert server.counters.open == server.held == 0

    with_server(test)


def test_many_streams_reset_right_behind_their_last_bytes_are_all_taken():
    async def test(server, records):
        _, writer = await connect(server)
        for each in range(500):
            writer.write(exchange(2 * each + 1, named(str(each))))
        await until(lambda: len(records) == 500)
        assert len({record.id for record in records}) == 500
        assert all(record.complete for record in records)

    with_server(test)


def test_malformed_bytes_close_that_connection_only():
    async def test(server, records):
        bad, good = await connect(server), await connect(server)
        bad[1].write(opening(1) + data(1, request()) + b"\xff" * 50)
        await asyncio.wait_for(bad[0].read(), 5)
        assert [record.complete for record in records] == [False]
        assert server.counters.malformed == 1
        assert server.last_malformed == "frame too large"
        good[1].write(exchange(1))
        await until(lambda: len(records) == 2)
        assert records[1].complete

    with_server(test)


def test_no_damage_to_the_bytes_escapes_and_nothing_is_left_behind():
    async def test(server, records):
        chance = random.Random(7)  # noqa: S311 - the same damage every time
        whole = HELLO + exchange(1) + opening(3) + data(3, request() + response()) + exchange(5)
        for _ in range(300):
            damaged = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(HELLO), len(damaged))] = chance.randrange(256)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(bytes(damaged))
            writer.write_eof()
            await reader.read()
            writer.close()
        await until(lambda: not server.connections)
        assert problems == []
        assert server.counters.open == server.held == 0
        assert 0 < server.counters.malformed < 600
        assert len(records) == server.counters.taken > 300

    problems = []
    with_server(test, problems=problems)


def test_a_large_body_in_many_frames_and_one_over_the_bound():
    async def test(server, records):
        _, writer = await connect(server)
        for stream, size in ((1, 1 << 20), (3, (1 << 20) + 1)):
            writer.write(exchange(stream, answered=response(b"x" * size)))
        await until(lambda: len(records) == 2)
        assert [len(record.response_body) for record in records] == [1 << 20, 0]
        assert server.counters.omitted == 1

    with_server(test, intake.Limits(body_bytes=1 << 20))


def test_stop_lets_open_streams_finish_and_takes_no_new_connection():
    async def test(server, records):
        reader, writer = await connect(server)
        writer.write(opening(1) + data(1, request()))
        await until(lambda: server.counters.open == 1)
        port = server.port
        stopping = asyncio.create_task(server.stop(5))
        goaway = frame(GOAWAY, 0, 0, LARGEST_WINDOW.to_bytes(4, "big") + b"\0\0\0\0")
        await asyncio.wait_for(reader.readuntil(goaway), 5)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        writer.write(opening(3) + data(3, named("id-3")) + data(1, response()) + data(3, response()))
        await until(lambda: len(records) == 2)
        assert not stopping.done()
        writer.close()  # as Envoy does when the last stream of a connection it was asked to leave has ended
        await asyncio.wait_for(stopping, 5)
        assert all(record.complete for record in records)

    with_server(test)


def test_stop_is_bounded_and_keeps_what_came():
    async def test(server, records):
        _, writer = await connect(server)
        writer.write(opening(1) + data(1, request() + message(3, b"")))
        await until(lambda: server.counters.open == 1)
        await server.stop(0.05)
        assert [(record.id, record.complete) for record in records] == [("id-1", False)]

    with_server(test)


def test_two_recorders_listen_on_one_port():
    async def test(server, records):
        second = await intake.serve(("127.0.0.1", server.port), records.append, intake.Limits())
        assert second.port == server.port
        await second.stop(0)

    with_server(test)
