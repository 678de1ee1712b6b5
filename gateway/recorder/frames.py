"""The frames of HTTP/2 (RFC 9113): their numbers, their bytes, and which may stand where."""

from __future__ import annotations

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGEST_WINDOW = (1 << 31) - 1
LARGEST_FRAME = 1 << 14  # what RFC 9113 section 6.5.2 allows a sender that was told nothing else

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
NO_ERROR, PROTOCOL_ERROR = 0, 1

HEADER = struct.Struct(">HBBBI")  # a length of 24 bits in two parts, type, flags, stream
_FIXED_SIZES = {PRIORITY: 5, RST_STREAM: 4, PING: 8, WINDOW_UPDATE: 4}
_OF_A_STREAM = frozenset({DATA, HEADERS, PRIORITY, RST_STREAM, PUSH_PROMISE, CONTINUATION})
_OF_THE_CONNECTION = frozenset({SETTINGS, PING, GOAWAY})


class MalformedError(Exception):
    """What arrived is not HTTP/2; the connection cannot be read any further."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return one frame as bytes."""
    return HEADER.pack(len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream) + payload


def check_place(kind: int, number: int, size: int) -> None:
    """Raise MalformedError for a frame on a stream, or of a size, that its type does not have."""
    if (kind in _OF_A_STREAM and not number) or (kind in _OF_THE_CONNECTION and number):
        raise MalformedError(f"frame type {kind} on stream {number}")
    if size != _FIXED_SIZES.get(kind, size) or (kind == SETTINGS and size % 6):
        raise MalformedError(f"frame type {kind} of {size} bytes")


def without_padding(flags: int, payload: bytes) -> bytes:
    """Return the payload of a DATA or HEADERS frame without its padding; raise MalformedError if it is all padding."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise MalformedError("more padding than payload")
    return payload[1 : len(payload) - payload[0]]
