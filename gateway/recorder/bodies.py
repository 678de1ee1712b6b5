"""Bodies without the compression they came in."""

from __future__ import annotations

import zlib

_ZLIB_OR_GZIP = 47  # window bits: find out by the first bytes
_RAW_DEFLATE = -15  # what some servers call deflate
_INFLATED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP = b"\x1f\x8b"
_PIECE = 4096
_MOST_TIMES = 4  # that a body is encoded; each costs the time of a whole one


def decoded(content: bytes, encoding: str, limit: int) -> tuple[bytes, str]:
    """Return a body without its `Content-Encoding`, and why it is missing if it is.

    A stream that breaks off gives what could be read of it. At most `limit` bytes are ever made, whatever
    the compressed body claims to hold.
    """
    names = [name for part in encoding.split(",") if (name := part.strip().lower()) not in {"", "identity"}]
    if len(names) > _MOST_TIMES:
        return b"", f"dropped: encoded {len(names)} times"
    for name in reversed(names):
        if not content:
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
    wrapped = content[:2] == _GZIP or (content[0] & 15 == 8 and int.from_bytes(content[:2], "big") % 31 == 0)
    made, position = bytearray(), 0
    inflater = zlib.decompressobj(_ZLIB_OR_GZIP if wrapped else _RAW_DEFLATE)
    while position < len(content) and len(made) <= limit:
        # In small pieces: what a member leaves over is copied, and a body may have a member every twenty bytes.
        piece = content[position : position + _PIECE]
        made += inflater.decompress(piece, limit + 1 - len(made))
        position += len(piece) - len(inflater.unused_data)
        if inflater.eof:
            if content[position : position + 2] != _GZIP:
                break
            inflater = zlib.decompressobj(_ZLIB_OR_GZIP if wrapped else _RAW_DEFLATE)
    return bytes(made)
