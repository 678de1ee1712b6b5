"""The messages of Envoy's `envoy.service.ext_proc.v3.ExternalProcessor/Process`, read by hand.

Each gRPC message is a byte for compression, four bytes of length, and a `ProcessingRequest` in protobuf.
Numbers of fields are those of `external_processor.proto` and `base.proto` of Envoy 1.40. Only the fields
that make a record are looked at; all others are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

REQUEST_HEADERS, RESPONSE_HEADERS, REQUEST_BODY, RESPONSE_BODY, REQUEST_TRAILERS, RESPONSE_TRAILERS = range(2, 8)
LARGEST_MESSAGE = 1 << 26  # Envoy sends bodies as they come, in pieces of at most its connection's buffer (1 MiB)

_PREFIX = 5
_LENGTH_DELIMITED = 2
_FIELD_1, _FIELD_3 = 0x0A, 0x1A  # tags of length-delimited fields: a header, its `key` and its `raw_value`
_FIXED = {1: 8, 5: 4}


class UnreadableError(Exception):
    """The bytes are no message of this service."""


class Splitter:
    """Cuts what arrives on one stream into messages; `size` is how much of an incomplete one is held."""

    __slots__ = ("_missing", "_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._missing = 0
        self.size = 0

    def feed(self, payload: bytes) -> list[bytes]:
        """Return the messages that `payload` completes, without their prefix; raise UnreadableError."""
        if self._parts:
            self._parts.append(payload)
            self.size += len(payload)
            if self.size < self._missing:
                return []
            payload = b"".join(self._parts)
            self._parts = []
            self.size = 0
        messages = []
        position, end = 0, len(payload)
        while position < end:
            first = position + _PREFIX
            last = first + int.from_bytes(payload[position + 1 : first], "big") if first <= end else first
            if payload[position] or last - first > LARGEST_MESSAGE:
                raise UnreadableError("compressed or too large")
            if last > end:
                self._parts = [payload[position:]]
                self.size = end - position
                self._missing = last - position
                break
            messages.append(payload[first:last])
            position = last
        return messages


def varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at `position` and where the next thing begins; raise UnreadableError."""
    value = shift = 0
    while shift < 64:
        if position >= len(data):
            raise UnreadableError("ends inside a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise UnreadableError("number too long")


def fields(data: bytes, position: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, beginning and end of each field between two places; a plain number has its value and -1.

    Raises UnreadableError for a field that does not fit.
    """
    while position < stop:
        tag, position = (data[position], position + 1) if data[position] < 0x80 else varint(data, position)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED or kind == 0:  # noqa: PLR1714 - twice as fast as a set
            value, position = (data[position], position + 1) if data[position] < 0x80 else varint(data, position)
            if kind == 0:
                yield tag >> 3, value, -1
                continue
            last = position + value
            if last > stop:
                raise UnreadableError("field too long")
            yield tag >> 3, position, last
            position = last
        elif kind in _FIXED:
            position += _FIXED[kind]
        else:
            raise UnreadableError(f"wire type {kind}")
    if position != stop:
        raise UnreadableError("field too long")


def content(message: bytes) -> tuple[int, int, int]:
    """Return which part of the exchange a message holds, and where in it; (0, 0, 0) for one that holds none.

    The part stands first: protobuf writes fields in the order of their numbers, and its are the lowest.
    """
    for number, first, last in fields(message, 0, len(message)):
        if REQUEST_HEADERS <= number <= RESPONSE_TRAILERS and last >= 0:
            return number, first, last
    return 0, 0, 0


def body(message: bytes, first: int, last: int) -> tuple[bytes, bool]:
    """Return the bytes of an `HttpBody` and whether they are the last."""
    chunk, end = b"", False
    for number, begin, stop in fields(message, first, last):
        if number == 1 and stop >= 0:
            chunk = message[begin:stop]
        elif number in {2, 3} and begin and stop < 0:
            end = True
    return chunk, end


def headers(
    message: bytes, first: int, last: int, wanted: frozenset[bytes], prefix: bytes
) -> tuple[dict[str, str], bool]:
    """Return an `HttpHeaders`' headers that are wanted by name or by prefix, and whether no body follows.

    A header that came more than once has its values joined by a comma, as HTTP defines.
    """
    found: dict[str, str] = {}
    end = False
    for number, begin, stop in fields(message, first, last):
        if number == 1 and stop >= 0:
            for name, value in _pairs(message, begin, stop, wanted, prefix):
                found[name] = f"{found[name]}, {value}" if name in found else value
        elif number == 3 and begin and stop < 0:
            end = True
    return found, end


def _pairs(
    message: bytes, position: int, stop: int, wanted: frozenset[bytes], prefix: bytes
) -> Iterator[tuple[str, str]]:
    """Yield names and values of a `HeaderMap`, passing over unwanted names without decoding them."""
    while position < stop:
        if message[position] != _FIELD_1:
            raise UnreadableError("not a header")
        size, first = message[position + 1], position + 2
        if size > 0x7F:
            size, first = varint(message, position + 1)
        position = first + size
        if position > stop:
            raise UnreadableError("field too long")
        if message[first] == _FIELD_1 and message[first + 1] < 0x80:
            end = first + 2 + message[first + 1]
            name = message[first + 2 : end]
            if name not in wanted and not name.startswith(prefix):
                continue
            if message[end] == _FIELD_3 and message[end + 1] < 0x80 and end + 2 + message[end + 1] == position:
                yield _text(name), _text(message[end + 2 : position])  # nearly every header
                continue
        parts = {number: message[begin:end] for number, begin, end in fields(message, first, position) if end >= 0}
        name = parts.get(1, b"")
        if name in wanted or name.startswith(prefix):
            yield _text(name), _text(parts.get(3) or parts.get(2, b""))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
