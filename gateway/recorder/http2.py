"""The server's side of HTTP/2 (RFC 9113), as far as a receiver of mirrored traffic needs it.

Bytes of a connection come in order and nothing that was sent is lost, also when the sender resets a
stream right behind its last bytes: a gRPC library throws away what it has not handed out by then.
Header blocks are skipped, not decoded: all that matters comes in the messages.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from typing import Protocol, cast

from .frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADER,
    HEADERS,
    LARGEST_FRAME,
    LARGEST_WINDOW,
    NO_ERROR,
    PING,
    PREFACE,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    MalformedError,
    check_place,
    frame,
    without_padding,
)

_REPLENISH = 1 << 24
_PAUSE = 0.002  # seconds between two reads of a busy connection: many frames cost hardly more than one
_BUSY = 2 * _PAUSE  # reads closer to each other than this make it busy
_FULL = 1 << 16  # bytes; a read of so many is not worth waiting after


class Stream(Protocol):
    """The receiver of one stream. `received` is kept by the connection, for flow control."""

    received: int

    def data(self, now: float, payload: bytes) -> None:
        """Take the next bytes, which arrived at `now`."""

    def closed(self, now: float) -> None:
        """Learn that no bytes will follow; called once."""


class Connection(asyncio.Protocol):
    """One connection: `open_stream` makes the receiver of each new stream.

    `on_change` is called with the connection when it is made and when it is lost, `on_malformed` when
    it is given up as unreadable.
    """

    def __init__(
        self,
        open_stream: Callable[[float], Stream],
        on_change: Callable[[Connection], None],
        on_malformed: Callable[[str], None],
    ) -> None:
        self.streams: dict[int, Stream] = {}
        self.transport: asyncio.Transport | None = None
        self._open_stream = open_stream
        self._on_change = on_change
        self._on_malformed = on_malformed
        self._rest = b""
        self._last_read = 0.0
        self._greeted = False
        self._configured = False
        self._last_stream = 0
        self._continued = 0  # the stream whose header block is not complete
        self._owed = 0  # bytes of the connection's window to give back

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open both windows as far as they go: what bounds memory is the receiver, not the sender's window."""
        self.transport = cast("asyncio.Transport", transport)
        self._send(frame(SETTINGS, 0, 0, struct.pack(">HI", 0x4, LARGEST_WINDOW)))
        self._send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGEST_WINDOW - 65535)))
        self._on_change(self)

    def data_received(self, data: bytes) -> None:
        """Read every whole frame; keep what is left for the next time."""
        now = time.time()
        if now - self._last_read < _BUSY and len(data) < _FULL:
            self._pause()
        self._last_read = now
        if self._rest:
            data = self._rest + data
        if not self._greeted:
            data = self._greet(data)
        try:
            self._rest = data[self._read_frames(now, data) :] if self._greeted else data
        except MalformedError as error:
            self._give_up(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """Close every stream that is still open."""
        del exc  # how a connection ended makes no difference to what was received
        self.transport = None
        self._close_all()
        self._on_change(self)

    def drain(self) -> None:
        """Ask the peer to open no more streams here; it closes the connection when its last one is done.

        The GOAWAY names the highest stream there can be: streams on their way here are read, not refused.
        """
        self._send(frame(GOAWAY, 0, 0, struct.pack(">II", LARGEST_WINDOW, NO_ERROR)))

    def abort(self) -> None:
        """End the connection now, whatever the peer has not read yet."""
        if self.transport is not None:
            self.transport.abort()

    def _pause(self) -> None:
        """Read nothing for a moment; times are that much less exact when much is going on."""
        if self.transport is not None:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(_PAUSE, self.transport.resume_reading)

    def _send(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def _close_all(self) -> None:
        now = time.time()
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.closed(now)

    def _give_up(self, reason: str) -> None:
        self._on_malformed(reason)
        self._rest = b""
        self._send(frame(GOAWAY, 0, 0, struct.pack(">II", self._last_stream, PROTOCOL_ERROR)))
        if self.transport is not None:
            self.transport.close()
        self._close_all()

    def _greet(self, data: bytes) -> bytes:
        """Return what follows the client's preface, or all of it while the preface is not complete."""
        if not data.startswith(PREFACE[: len(data)]):
            self._give_up("no HTTP/2 preface")
            return b""
        self._greeted = len(data) >= len(PREFACE)
        return data[len(PREFACE) :] if self._greeted else data

    def _read_frames(self, now: float, data: bytes) -> int:
        """Handle every whole frame in `data`; return where the first that is not whole begins."""
        position, end = 0, len(data)
        unpack, streams = HEADER.unpack_from, self.streams
        while end - position >= 9:
            high, low, kind, flags, number = unpack(data, position)
            first = position + 9
            last = first + (high << 8 | low)
            if last - first > LARGEST_FRAME:
                raise MalformedError("frame too large")
            if last > end:
                break
            position = last
            if kind == DATA and not flags and not self._continued and number in streams:
                stream = streams[number]  # nearly every frame
                self._owed += last - first
                stream.received += last - first
                stream.data(now, data[first:last])
            else:
                self._other(now, kind, flags, number & LARGEST_WINDOW, data[first:last])
        if self._owed >= _REPLENISH:
            self._replenish()
        return position

    def _replenish(self) -> None:
        """Give the peer back its window: the connection's, and that of a stream that used up half of its own."""
        self._send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", self._owed)))
        self._owed = 0
        for number, stream in self.streams.items():
            if stream.received > LARGEST_WINDOW // 2:
                self._send(frame(WINDOW_UPDATE, 0, number, struct.pack(">I", stream.received)))
                stream.received = 0

    def _other(self, now: float, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Handle a frame that is not a plain DATA frame of an open stream."""
        self._check(kind, flags, number, payload)
        if kind == DATA:
            self._data(now, flags, number, payload)
        elif kind == HEADERS:
            self._headers(now, flags, number, payload)
        elif kind == CONTINUATION:
            self._continued = 0 if flags & END_HEADERS else number
        elif kind == RST_STREAM:
            self._end(now, number)
        elif kind == SETTINGS and not flags & ACK:
            self._send(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._send(frame(PING, ACK, 0, payload))

    def _check(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Raise MalformedError for a frame that may not stand where it stands."""
        if not self._configured and (kind != SETTINGS or flags & ACK):
            raise MalformedError("the first frame is not SETTINGS")
        self._configured = True
        if self._continued and (kind != CONTINUATION or number != self._continued):
            raise MalformedError("a header block was interrupted")
        if not self._continued and kind == CONTINUATION:
            raise MalformedError("CONTINUATION without HEADERS")
        check_place(kind, number, len(payload))
        if kind == PUSH_PROMISE or (kind in {DATA, RST_STREAM} and number > self._last_stream):
            raise MalformedError(f"frame type {kind} on a stream that was not opened")

    def _data(self, now: float, flags: int, number: int, payload: bytes) -> None:
        self._owed += len(payload)
        stream = self.streams.get(number)
        if stream is None:  # reset already
            return
        stream.received += len(payload)
        payload = without_padding(flags, payload)
        if payload:
            stream.data(now, payload)
        if flags & END_STREAM:
            self._end(now, number)

    def _headers(self, now: float, flags: int, number: int, payload: bytes) -> None:
        without_padding(flags, payload)
        if number > self._last_stream:
            if not number & 1:
                raise MalformedError("a client opened an even stream")
            self._last_stream = number
            self.streams[number] = self._open_stream(now)
        self._continued = 0 if flags & END_HEADERS else number
        if flags & END_STREAM:
            self._end(now, number)

    def _end(self, now: float, number: int) -> None:
        stream = self.streams.pop(number, None)
        if stream is not None:
            stream.closed(now)
