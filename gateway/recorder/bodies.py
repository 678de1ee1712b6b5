"""Bodies while they arrive, bounded one by one and together, and undone compression."""

from __future__ import annotations

import zlib

_ZLIB_OR_GZIP = 47  # window bits: find out by the first bytes
_RAW_DEFLATE = -15  # what some servers call deflate
_INFLATED = frozenset({"gzip", "x-gzip", "deflate"})


class Shelf:
    """The bodies of every open exchange: no single one over `body_bytes`, together `memory_bytes` at most."""

    def __init__(self, body_bytes: int, memory_bytes: int) -> None:
        self.body_bytes = body_bytes
        self.memory_bytes = memory_bytes
        self.held = 0
        self.bodies: set[Body] = set()

    def make_room(self) -> None:
        """Drop the largest bodies until an eighth of the room is free."""
        for each in sorted(self.bodies, key=lambda body: len(body.content), reverse=True):
            if self.held <= self.memory_bytes * 7 // 8:
                break
            each.omit(f"dropped: open bodies together exceeded {self.memory_bytes} bytes")


class Body:
    """One body as it arrives. `omitted` says why it was dropped, empty if it was not."""

    __slots__ = ("content", "omitted", "shelf")

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.content = bytearray()
        self.omitted = ""

    def add(self, chunk: bytes) -> None:
        """Keep a chunk, unless this body or all of them have grown over their bound."""
        if self.omitted or not chunk:
            return
        shelf = self.shelf
        if not self.content:
            shelf.bodies.add(self)
        self.content += chunk
        shelf.held += len(chunk)
        if len(self.content) > shelf.body_bytes:
            self.omit(f"dropped: over {shelf.body_bytes} bytes")
        elif shelf.held > shelf.memory_bytes:
            shelf.make_room()

    def omit(self, reason: str) -> None:
        """Drop what was kept and whatever still comes."""
        self.take()
        self.omitted = reason

    def take(self) -> bytes:
        """Return what was kept and keep it no longer."""
        content = bytes(self.content)
        self.shelf.held -= len(content)
        self.shelf.bodies.discard(self)
        self.content = bytearray()
        return content


def decoded(content: bytes, encoding: str, limit: int) -> tuple[bytes, str]:
    """Return a body without its `Content-Encoding`, and why it is missing if it is.

    A stream that breaks off gives what could be read of it. At most `limit` bytes are ever made, whatever
    the compressed body claims to hold.
    """
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        if name in {"", "identity"} or not content:
            continue
        if name not in _INFLATED:
            return b"", f"dropped: encoded as {name[:32]}"
        try:
            content = _inflated(content, limit)
        except zlib.error:
            return b"", f"dropped: not valid {name}"
        if len(content) > limit:
            return b"", f"dropped: over {limit} bytes when decompressed"
    return content, ""


def _inflated(content: bytes, limit: int) -> bytes:
    """Return at most `limit` + 1 bytes of what was compressed; a gzip file may have several members."""
    # Raw deflate has no header: RFC 1950's first two bytes are a multiple of 31, gzip's are 1f 8b.
    wrapped = content[:2] == b"\x1f\x8b" or (content[0] & 15 == 8 and int.from_bytes(content[:2], "big") % 31 == 0)
    made = bytearray()
    while content and len(made) <= limit:
        inflater = zlib.decompressobj(_ZLIB_OR_GZIP if wrapped else _RAW_DEFLATE)
        made += inflater.decompress(content, limit + 1 - len(made))
        content = inflater.unused_data if inflater.eof and inflater.unused_data[:2] == b"\x1f\x8b" else b""
    return bytes(made)
