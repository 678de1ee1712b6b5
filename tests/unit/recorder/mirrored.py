"""What Envoy sends, made by hand: protobuf messages, gRPC framing, HTTP/2 frames."""

from __future__ import annotations

import struct

from gateway.recorder.frames import DATA, END_HEADERS, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame

HELLO = PREFACE + frame(SETTINGS, 0, 0, bytes.fromhex("000200000000"))
CLIENT = {
    ":authority": "gateway",
    "content-type": "application/json",
    "helicone-auth": "Bearer sk-helicone-a",
    "helicone-user-id": "ada",
    "x-gateway-id": "id-1",
    "x-gateway-key": "Bearer sk-helicone-a",
    "x-gateway-provider": "openai",
    "x-gateway-kind": "openai",
    "x-gateway-target": "https://provider.example/v1/chat/completions",
}
PROVIDER = {":status": "200", "content-type": "application/json"}


def number(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(tag, content):
    """One field: length-delimited for bytes, a plain number for an int."""
    if isinstance(content, int):
        return number(tag << 3) + number(content)
    return number(tag << 3 | 2) + number(len(content)) + content


def message(kind, part):
    """Return a gRPC message as Envoy writes it: the part, metadata_context, observability_mode."""
    content = field(kind, part) + field(8, b"") + field(10, 1)
    return b"\0" + struct.pack(">I", len(content)) + content


def header_part(headers, end=False, value=3):
    pairs = b"".join(field(1, field(1, k.encode()) + field(value, v.encode())) for k, v in headers.items())
    return field(1, pairs) + (field(3, 1) if end else b"")


def body_part(content, end=False):
    return (field(1, content) if content else b"") + (field(2, 1) if end else b"")


def request(headers=CLIENT, body=b'{"model":"m"}'):
    return message(2, header_part(headers)) + message(4, body_part(body)) + message(4, body_part(b"", end=True))


def response(body=b'{"id":1}', headers=PROVIDER):
    return message(3, header_part(headers)) + message(5, body_part(body)) + message(5, body_part(b"", end=True))


def opening(stream):
    return frame(HEADERS, END_HEADERS, stream, b"\x82\x86")


def data(stream, content):
    """Return DATA frames of at most what a frame may hold."""
    return b"".join(frame(DATA, 0, stream, content[at : at + 16384]) for at in range(0, len(content), 16384))


def reset(stream):
    return frame(RST_STREAM, 0, stream, b"\0\0\0\x02")


def exchange(stream, asked=None, answered=None):
    """One whole stream, reset at its end as Envoy does."""
    return opening(stream) + data(stream, (asked or request()) + (answered or response())) + reset(stream)
