"""What an attack on the gateway's port is: the bytes of a request, and what becomes of them.

Refused: every answer is a 4xx (or the 501 of RFC 9112 for codings that nobody knows), or the connection is
closed without one, and no whole request reaches the provider.
Harmless: it arrives at the one provider that the route is for, as the request that `arrives` names,
without the headers that were `stripped`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.templates.running_envoy import KEY

WITH_KEY = f"Helicone-Auth: Bearer {KEY}"


def request(
    path: str, *lines: str, method: str = "GET", host: str = "h", body: str = "", version: str = "1.1"
) -> bytes:
    """Return a request as bytes, header lines as they are given."""
    head = [f"{method} {path} HTTP/{version}", f"Host: {host}", "Connection: close", *lines]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode("latin-1", "surrogateescape")


def known(path: str, *lines: str, **more: str) -> bytes:
    """Return a request with the valid key."""
    return request(path, WITH_KEY, *lines, **more)


def body_of(*lines: str, body: str) -> bytes:
    """Return a POST with the valid key whose length is told by `lines`."""
    return known("/v1/embeddings", *lines, method="POST", body=body)


@dataclass(frozen=True)
class Refused:
    """An attack that gets nowhere."""

    data: bytes
    why: str = ""


@dataclass(frozen=True)
class Harmless:
    """An attack that arrives as an ordinary request; `why` that does no harm."""

    data: bytes
    why: str
    arrives: tuple[str, ...] = ("/v1/models",)
    stripped: tuple[str, ...] = ()
