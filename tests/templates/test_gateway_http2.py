"""Attacks by HTTP/2, which clients speak under TLS and may speak without: frames and header blocks by hand."""

from __future__ import annotations

import pytest

from tests.templates.http2_frames import PREFACE, block, frame
from tests.templates.running_envoy import KEY, Gateway, eventually


def http2(*fields: tuple[str, str]) -> bytes:
    """Return a whole connection with one request."""
    return PREFACE + frame(4, 0, 0, b"") + frame(1, 0x5, 1, block(*fields))


def plain(path: str = "/v1/models", method: str = "GET", authority: str = "h") -> tuple[tuple[str, str], ...]:
    return ((":method", method), (":scheme", "http"), (":authority", authority), (":path", path))


OWN = ("helicone-auth", f"Bearer {KEY}")
HTTP2_REFUSED = {
    "no key": plain(),
    "dot segments": (*plain("/v1/../x"), OWN),
    "escaped dot segments": (*plain("/v1/%2e%2e/x"), OWN),
    "no slash in front": (*plain("v1/models"), OWN),
    "two paths": (*plain(), (":path", "/v1/smuggled"), OWN),
    "line end in a value": (*plain(), OWN, ("x-a", "b\r\nx-c: d")),
    "line end in the path": (*plain("/v1/x HTTP/1.1\r\nX: y"), OWN),
    "NUL in a value": (*plain(), OWN, ("x-a", "b\0c")),
    "capitals in a name": (*plain(), ("Helicone-Auth", f"Bearer {KEY}")),
    "colon in a name": (*plain(), OWN, ("x:a", "b")),
    "chunks": (*plain(method="POST"), OWN, ("transfer-encoding", "chunked")),
    "a header of one hop": (*plain(), OWN, ("connection", "helicone-auth")),
    "a length that is none": (*plain(method="POST"), OWN, ("content-length", "5")),
    "underscore": (*plain(), ("helicone_auth", f"Bearer {KEY}")),
    "pseudo-header behind a header": (OWN, *plain()),
    "CONNECT": ((":method", "CONNECT"), (":authority", "clickhouse:8123"), OWN),
    "two keys": (*plain(), OWN, OWN),
    "authority with @": (*plain(authority="h@169.254.169.254"), OWN),
    "TRACE": (*plain(method="TRACE"), OWN),
}


@pytest.mark.parametrize("fields", HTTP2_REFUSED.values(), ids=HTTP2_REFUSED.keys())
def test_attack_by_http2(gateway: Gateway, fields: tuple[tuple[str, str], ...]) -> None:
    before = len(gateway.provider.received)

    gateway.raw(http2(*fields), seconds=0.15)

    assert gateway.provider.received[before:] == []


@pytest.mark.parametrize("authority", ["h", "clickhouse:8123", "169.254.169.254"])
def test_the_authority_of_http2_chooses_nothing(gateway: Gateway, authority: str) -> None:
    before = len(gateway.provider.received)

    with gateway.connect() as client:
        client.sendall(http2(*plain(authority=authority), OWN, ("x-gateway-id", "forged")))
        assert eventually(lambda: len(gateway.provider.received) > before) is not None

    (seen,) = gateway.provider.received[before:]
    assert (seen["path"], seen["headers"]["host"]) == ("/v1/models", f"127.0.0.1:{gateway.provider.port}")
    assert not {"helicone-auth", "x-gateway-id"} & set(seen["names"])
