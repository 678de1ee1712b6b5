"""A login to PostgreSQL over TCP and nothing more: whether a password is good, and whether one is asked for.

Written out because a host has no client, and a client inside the container comes from an address
that the image trusts. Protocol: PostgreSQL's documentation, chapter "Frontend/Backend Protocol";
SCRAM-SHA-256: RFC 5802 and RFC 7677.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
from typing import Any

_VERSION = 196608  # protocol 3.0
_OK, _CLEARTEXT, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 3, 5, 10, 11, 12


def login(host: str, port: int, user: str, database: str, password: str) -> dict[str, Any]:
    """Try to log in and return `accepted`, `asked` (whether a password was wanted) and the server's `message`.

    Raises OSError when the server does not answer and ValueError when it says something unheard of.
    """
    with socket.create_connection((host, port), timeout=10) as connection:
        words = ("user", user, "database", database)
        body = struct.pack("!i", _VERSION) + b"".join(word.encode() + b"\0" for word in words) + b"\0"
        connection.sendall(struct.pack("!i", len(body) + 4) + body)
        return _answer(connection, user, password)


def _answer(connection: socket.socket, user: str, password: str) -> dict[str, Any]:
    """Go through the authentication messages until the server lets in or refuses."""
    asked, scram = False, _Scram(password)
    while True:
        kind, body = _receive(connection)
        if kind == b"E":
            return {"accepted": False, "asked": asked, "message": _message(body)}
        if kind != b"R":
            continue  # notices and protocol negotiation
        step, data = struct.unpack("!i", body[:4])[0], body[4:]
        if step == _OK:
            return {"accepted": True, "asked": asked, "message": ""}
        asked = True
        if step == _CLEARTEXT:
            _send(connection, password.encode() + b"\0")
        elif step == _MD5:
            inner = hashlib.md5((password + user).encode()).hexdigest()  # noqa: S324 - the server's choice
            outer = hashlib.md5(inner.encode() + data).hexdigest()  # noqa: S324
            _send(connection, b"md5" + outer.encode() + b"\0")
        elif step == _SASL:
            first = scram.first()
            _send(connection, b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
        elif step == _SASL_CONTINUE:
            _send(connection, scram.final(data))
        elif step != _SASL_FINAL:
            raise ValueError(f"PostgreSQL wants an unknown kind of login ({step})")


class _Scram:
    """The client's two messages of SCRAM-SHA-256 without channel binding."""

    def __init__(self, password: str) -> None:
        self.password = password.encode()
        self.bare = f"n=,r={base64.b64encode(os.urandom(18)).decode()}"

    def first(self) -> bytes:
        """Return the client's first message."""
        return b"n,," + self.bare.encode()

    def final(self, challenge: bytes) -> bytes:
        """Return the proof that answers the server's challenge."""
        parts = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(parts["s"]), int(parts["i"]))
        key = hmac.new(salted, b"Client Key", "sha256").digest()
        without_proof = f"c=biws,r={parts['r']}"
        signed = f"{self.bare},{challenge.decode()},{without_proof}".encode()
        signature = hmac.new(hashlib.sha256(key).digest(), signed, "sha256").digest()
        proof = bytes(left ^ right for left, right in zip(key, signature))  # noqa: B905 - `strict` needs 3.10
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


def _send(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"p" + struct.pack("!i", len(body) + 4) + body)


def _receive(connection: socket.socket) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!ci", _exactly(connection, 5))
    return kind, _exactly(connection, length - 4)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("PostgreSQL closed the connection")
        data += part
    return data


def _message(body: bytes) -> str:
    """Return the human-readable field of an ErrorResponse."""
    fields = {field[:1]: field[1:] for field in body.split(b"\0")}
    return fields.get(b"M", b"").decode(errors="replace")
