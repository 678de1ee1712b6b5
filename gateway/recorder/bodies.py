"""Bodies without the compression they came in."""

from __future__ import annotations

import zlib

_ZLIB_OR_GZIP = 47  # window bits: find out by the first bytes
_RAW_DEFLATE = -15  # what some servers call deflate
_INFLATED = frozenset({"gzip", "x-gzip", "deflate"})


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
