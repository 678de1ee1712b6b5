"""HTTP/2 as a receiver reads it."""

from __future__ import annotations

import asyncio
import struct

import pytest

from gateway.recorder import http2
from gateway.recorder.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    LARGEST_WINDOW,
    PADDED,
    PING,
    PREFACE,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)

from .mirrored import HELLO, data, opening, reset


class Transport(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.closed = False
        self.pauses = 0

    def write(self, data):
        self.written += data

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True

    def pause_reading(self):
        self.pauses += 1

    def resume_reading(self):
        self.pauses -= 1


class Heard:
    """One stream's bytes."""

    def __init__(self):
        self.received = 0
        self.bytes = b""
        self.closings = 0

    def data(self, now, payload):
        assert now > 0
        self.bytes += payload

    def closed(self, now):
        assert now > 0
        self.closings += 1


class Peer:
    """A connection under test with all it said."""

    def __init__(self):
        self.heard = []
        self.malformed = []
        self.transport = Transport()
        self.connection = http2.Connection(self.open, lambda _: None, self.malformed.append)
        self.connection.connection_made(self.transport)

    def open(self, _now):
        self.heard.append(Heard())
        return self.heard[-1]

    def send(self, content):
        self.connection.data_received(content)

    def answers(self):
        """Return the frames it wrote, as (type, flags, stream, payload)."""
        rest, found = self.transport.written, []
        while rest:
            size = int.from_bytes(rest[:3], "big")
            found.append((rest[3], rest[4], int.from_bytes(rest[5:9], "big"), rest[9 : 9 + size]))
            rest = rest[9 + size :]
        return found


@pytest.fixture
def peer(monkeypatch):
    monkeypatch.setattr(http2.Connection, "_pause", lambda _: None)
    return Peer()


def test_both_windows_are_opened_and_settings_and_ping_acknowledged(peer):
    peer.send(HELLO + frame(PING, 0, 0, b"12345678") + frame(PING, ACK, 0, b"12345678") + frame(SETTINGS, ACK, 0))
    assert peer.answers() == [
        (SETTINGS, 0, 0, struct.pack(">HI", 4, LARGEST_WINDOW)),
        (WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGEST_WINDOW - 65535)),
        (SETTINGS, ACK, 0, b""),
        (PING, ACK, 0, b"12345678"),
    ]


def test_bytes_survive_a_cut_at_every_place():
    whole = HELLO + opening(1) + data(1, b"ab") + opening(3) + data(3, b"c") + data(1, b"d") + reset(1) + reset(3)
    for cut in range(len(whole) + 1):
        peer = Peer()
        peer.connection._pause = lambda: None  # noqa: SLF001 - there is no loop here
        peer.send(whole[:cut])
        peer.send(whole[cut:])
        assert [(each.bytes, each.closings) for each in peer.heard] == [(b"abd", 1), (b"c", 1)]
    peer = Peer()
    peer.connection._pause = lambda: None  # noqa: SLF001
    for at in range(len(whole)):
        peer.send(whole[at : at + 1])
    assert [(each.bytes, each.closings) for each in peer.heard] == [(b"abd", 1), (b"c", 1)]
    assert peer.malformed == []


def test_continuation_padding_priority_and_unknown_frames(peer):
    peer.send(HELLO + frame(HEADERS, PADDED | 0x20, 1, b"\x02" + b"\0" * 5 + b"\x82" + b"\0\0"))
    peer.send(frame(CONTINUATION, 0, 1, b"\x86") + frame(CONTINUATION, END_HEADERS, 1, b"\x87"))
    peer.send(frame(DATA, PADDED, 1, b"\x03abc\0\0\0") + frame(2, 0, 1, b"\0" * 5) + frame(99, 7, 1, b"?"))
    peer.send(frame(DATA, PADDED, 1, b"\x01\0") + frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"))
    assert peer.heard[0].bytes == b"abc"
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x88"))
    assert peer.heard[0].closings == 1
    assert len(peer.heard) == 1
    assert peer.malformed == []


def test_the_end_of_a_stream_closes_it_once_and_late_frames_are_ignored(peer):
    peer.send(HELLO + opening(1) + frame(DATA, END_STREAM, 1, b"x") + data(1, b"late") + reset(1))
    peer.connection.connection_lost(None)
    assert (peer.heard[0].bytes, peer.heard[0].closings) == (b"x", 1)
    assert peer.malformed == []


def test_a_lost_connection_closes_what_was_open(peer):
    peer.send(HELLO + opening(1) + data(1, b"x") + opening(3))
    peer.connection.connection_lost(ConnectionResetError())
    assert [each.closings for each in peer.heard] == [1, 1]


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"x",
        PREFACE + frame(PING, 0, 0, b"12345678"),
        HELLO + b"\xff\xff\xff" + b"\0" * 6,
        HELLO + data(1, b"x"),
        HELLO + opening(2),
        HELLO + opening(0),
        HELLO + opening(1) + frame(DATA, PADDED, 1, b""),
        HELLO + opening(1) + frame(DATA, PADDED, 1, b"\x05abc"),
        HELLO + frame(CONTINUATION, 0, 1, b""),
        HELLO + frame(HEADERS, 0, 1, b"") + data(1, b"x"),
        HELLO + opening(3) + frame(HEADERS, 0, 5, b"") + data(3, b"x"),
        HELLO + frame(HEADERS, 0, 1, b"") + frame(CONTINUATION, 0, 3, b""),
        HELLO + reset(1),
        HELLO + opening(1) + frame(RST_STREAM, 0, 1, b"short"),
        HELLO + frame(PING, 0, 0, b"short"),
        HELLO + frame(PING, 0, 1, b"12345678"),
        HELLO + frame(SETTINGS, 0, 0, b"odd"),
        HELLO + opening(1) + frame(PUSH_PROMISE, 0, 1, b""),
    ],
)
def test_what_is_malformed_closes_the_connection_and_is_counted(peer, content):
    peer.send(content)
    assert len(peer.malformed) == 1
    assert peer.transport.closed
    assert all(each.closings == 1 for each in peer.heard)


def test_windows_are_given_back(peer):
    peer.send(HELLO + opening(1))
    before = len(peer.answers())
    piece = frame(DATA, 0, 1, b"x" * 16384)
    for _ in range(1 << 10):
        peer.send(piece)
        peer.heard[0].bytes = b""
    assert peer.answers()[before:] == [(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 24))]
    peer.heard[0].received = used = LARGEST_WINDOW // 2 + 1
    for _ in range(1 << 10):
        peer.send(piece)
        peer.heard[0].bytes = b""
    assert peer.answers()[-1] == (WINDOW_UPDATE, 0, 1, struct.pack(">I", used + (1 << 24)))
    assert peer.heard[0].received == 0


def test_drain_says_goaway_and_still_reads_streams_on_their_way(peer):
    peer.send(HELLO + opening(1))
    peer.connection.drain()
    assert peer.answers()[-1] == (GOAWAY, 0, 0, struct.pack(">II", LARGEST_WINDOW, 0))
    peer.send(data(1, b"more") + opening(3) + data(3, b"new") + reset(1) + reset(3))
    assert [(each.bytes, each.closings) for each in peer.heard] == [(b"more", 1), (b"new", 1)]


def test_a_busy_connection_is_read_a_little_later_and_always_again():
    async def run():
        peer = Peer()
        peer.send(HELLO)
        assert peer.transport.pauses == 0
        peer.send(opening(1))
        paused = peer.transport.pauses
        await asyncio.sleep(0.05)
        return paused, peer.transport.pauses

    assert asyncio.run(run()) == (1, 0)
