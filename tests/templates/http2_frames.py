"""HTTP/2 by hand: frames and header blocks as a client that does as it likes sends them."""

from __future__ import annotations

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def block(*fields: tuple[str, str]) -> bytes:
    """Return header fields as literals without an index (RFC 7541, section 6.2.2)."""
    out = b""
    for name, value in fields:
        for part in (name.encode(), value.encode("latin-1")):
            assert len(part) < 127
            out += (b"\0" if part == name.encode() and part is not value else b"") + bytes([len(part)]) + part
    return out
