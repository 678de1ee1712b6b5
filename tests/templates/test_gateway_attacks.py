"""Attacks on the gateway's port, as bytes: each is refused, or shown to do no harm.

Refused: every answer is a 4xx (or the 501 of RFC 9112 for codings that nobody knows), or the connection is
closed without one, and no whole request reaches the provider.
Harmless: it arrives at the one provider that the route is for, as the request that `arrives` names,
without the headers that were `stripped`.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import yaml

from tests.templates.running_envoy import AUTH, KEY, PATIENCE, Gateway

HASH = hashlib.sha256(f"Bearer {KEY}".encode()).hexdigest()
WIDE = KEY.replace("-", "\N{FULLWIDTH HYPHEN-MINUS}", 1).encode()
WITH_KEY = f"Helicone-Auth: Bearer {KEY}"
STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})", re.MULTILINE)
SMUGGLED = f"GET /v1/smuggled HTTP/1.1\r\nHost: h\r\n{WITH_KEY}\r\n\r\n"


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


TARGETS = {
    "target URL of ClickHouse": Harmless(
        known("/v1/models", "Helicone-Target-Url: http://clickhouse:8123/x.openai.azure.com"),
        "the route alone chooses the provider",
        stripped=("helicone-target-url",),
    ),
    "target URL of a metadata service": Harmless(
        known("/v1/models", "Helicone-Target-Url: http://169.254.169.254/latest/meta-data"),
        "the route alone chooses the provider",
        stripped=("helicone-target-url",),
    ),
    "base URL with @": Harmless(
        known("/v1/models", "Helicone-OpenAI-Api-Base: https://api.groq.com@other.example"),
        "the route alone chooses the provider",
        stripped=("helicone-openai-api-base",),
    ),
    "base URL with a host that goes on": Harmless(
        known("/v1/models", "Helicone-OpenAI-Api-Base: https://api.groq.com.other.example"),
        "the route alone chooses the provider",
        stripped=("helicone-openai-api-base",),
    ),
    "fallbacks that are no JSON": Harmless(
        known("/v1/models", "Helicone-Fallbacks: {"), "nobody reads them", stripped=("helicone-fallbacks",)
    ),
    "forwarded host": Harmless(
        known("/v1/models", "X-Forwarded-Host: clickhouse:8123", "Forwarded: host=clickhouse"),
        "nobody reads it",
        stripped=("x-forwarded-host", "forwarded"),
    ),
    "forwarded for this machine": Harmless(
        known("/v1/models", "X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "X-Forwarded-Proto: https"),
        "nobody reads it",
        stripped=("x-forwarded-for", "x-real-ip", "x-forwarded-proto"),
    ),
    "original URL": Harmless(
        known("/v1/models", "X-Original-Url: /admin", "X-Rewrite-Url: /admin"),
        "not a header that Envoy or OpenAI's API reads; the path stays",
    ),
    "Envoy's own instructions": Harmless(
        known(
            "/v1/models",
            "X-Envoy-Original-Dst-Host: 169.254.169.254:80",
            "X-Envoy-Retry-On: 5xx",
            "X-Envoy-Max-Retries: 100",
            "X-Envoy-Upstream-Rq-Timeout-Ms: 1",
            "X-Envoy-Hedge-On-Per-Try-Timeout: true",
        ),
        "no caller is internal",
        stripped=("x-envoy-original-dst-host", "x-envoy-retry-on", "x-envoy-max-retries"),
    ),
    "another method in a header": Harmless(
        known("/v1/models", "X-Http-Method-Override: DELETE"), "the provider is OpenAI's API, which does not read it"
    ),
    "host of ClickHouse": Harmless(known("/v1/models", host="clickhouse:8123"), "the route rewrites it"),
    "host of a metadata service": Harmless(known("/v1/models", host="169.254.169.254"), "the route rewrites it"),
    "host with @": Harmless(known("/v1/models", host="h@clickhouse:8123"), "the route rewrites it"),
    "two hosts": Harmless(known("/v1/models", "Host: clickhouse:8123"), "the route rewrites both into one"),
    "no host": Refused(f"GET /v1/models HTTP/1.1\r\n{WITH_KEY}\r\n\r\n".encode()),
    "absolute target of ClickHouse": Refused(
        known("http://clickhouse:8123/?query=SELECT%201"), "its path has no route"
    ),
    "absolute target of a metadata service": Harmless(
        known("http://169.254.169.254/v1/models"), "only the path of it is used"
    ),
    "absolute target with @": Harmless(known("http://h@clickhouse:8123/v1/models"), "only the path of it is used"),
    "absolute target of another scheme": Refused(known("ftp://clickhouse/v1/models")),
    "path with @": Harmless(
        known("/v1/@clickhouse:8123/x"), "a path of the provider's", arrives=("/v1/@clickhouse:8123/x",)
    ),
    "path that begins like a host": Refused(known("//clickhouse:8123/v1/models")),
    "path that is a host": Refused(known("clickhouse:8123")),
    "path of Envoy's own interface": Refused(known("/stats")),
    "path that ends Envoy": Refused(known("/quitquitquit", method="POST")),
    "path of jawn's open gateway": Refused(known("/v1/gateway/oai/../../x", method="POST")),
    "path of ClickHouse's queries": Refused(known("/?query=SELECT+1")),
    "asterisk": Refused(known("*", method="OPTIONS")),
}

METHODS = {
    "CONNECT to another host": Refused(known("clickhouse:8123", method="CONNECT")),
    "CONNECT to a metadata service": Refused(known("169.254.169.254:80", method="CONNECT", host="169.254.169.254:80")),
    "CONNECT to a path": Refused(known("/v1/models", method="CONNECT")),
    "TRACE": Refused(known("/v1/models", method="TRACE"), "it would show headers"),
    "unknown method": Refused(known("/v1/models", method="G\x7fT")),
    "upgrade to h2c": Harmless(
        known("/v1/models", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA").replace(
            b"Connection: close", b"Connection: close, Upgrade, HTTP2-Settings"
        ),
        "the upgrade is ignored",
        stripped=("upgrade", "http2-settings"),
    ),
    "upgrade to something else": Refused(
        known("/v1/models", "Upgrade: raw").replace(b"Connection: close", b"Connection: Upgrade")
    ),
    "upgrade without a key": Refused(
        request("/v1/realtime", "Upgrade: websocket").replace(b"Connection: close", b"Connection: Upgrade")
    ),
    "key among the headers of one hop": Refused(
        known("/v1/models").replace(b"Connection: close", b"Connection: close, Helicone-Auth"),
        "named in Connection it would be taken away after it was checked",
    ),
}

KEYS = {
    "no key": Refused(request("/v1/models")),
    "hash of the key": Refused(request("/v1/models", f"Helicone-Auth: Bearer {HASH}")),
    "hash without Bearer": Refused(request("/v1/models", f"Helicone-Auth: {HASH}")),
    "key with a letter more": Refused(request("/v1/models", f"{WITH_KEY}a")),
    "key with a letter less": Refused(request("/v1/models", WITH_KEY[:-1])),
    "key with something before it": Refused(request("/v1/models", f"Helicone-Auth: Bearer x{KEY}")),
    "key in capitals": Refused(request("/v1/models", f"Helicone-Auth: Bearer {KEY.upper()}")),
    "key with NUL behind it": Refused(request("/v1/models", f"{WITH_KEY}\0")),
    "key with NUL and more behind it": Refused(request("/v1/models", f"{WITH_KEY}\0x")),
    "key with a wide hyphen": Refused(
        request("/v1/models", (b"Helicone-Auth: Bearer " + WIDE).decode("latin-1")),
    ),
    "key with a no-break space": Refused(request("/v1/models", f"{WITH_KEY}\xa0")),
    "key with a space in it": Refused(request("/v1/models", f"{WITH_KEY[:-3]} {WITH_KEY[-3:]}")),
    "key percent-encoded": Refused(request("/v1/models", f"Helicone-Auth: Bearer {KEY.replace('-', '%2D')}")),
    "key in quotes": Refused(request("/v1/models", f'Helicone-Auth: Bearer "{KEY}"')),
    "key after two Bearers": Refused(request("/v1/models", f"Helicone-Auth: Bearer Bearer {KEY}")),
    "key and a wrong one": Refused(request("/v1/models", f"{WITH_KEY}, Bearer sk-helicone-x")),
    "wrong key before the right one": Refused(
        request("/v1/models", f"Authorization: Bearer sk-helicone-wrong, Bearer {KEY}")
    ),
    "pattern in place of a key": Refused(request("/v1/models", "Helicone-Auth: Bearer sk-helicone-.*")),
    "SQL in place of a key": Refused(request("/v1/models", "Helicone-Auth: Bearer ' or '1'='1")),
    "key in the query": Refused(request(f"/v1/models?helicone-auth=Bearer%20{KEY}&key={KEY}")),
    "key in a cookie": Refused(request("/v1/models", f"Cookie: Helicone-Auth=Bearer {KEY}")),
    "key as the provider's key": Refused(request("/v1/models", f"X-Api-Key: {KEY}")),
    "key in a basic authorization": Refused(request("/v1/models", f"Authorization: Basic {KEY}")),
    "key in the authorization of proxies": Refused(request("/v1/models", f"Proxy-Authorization: Bearer {KEY}")),
    "key in the body": Refused(
        request(
            "/v1/embeddings",
            "Content-Length: 58",
            "Content-Type: application/json",
            method="POST",
            body=f'{{"a":"{KEY}"}}',
        )
    ),
    "key under another name": Refused(request("/v1/models", f"X-Helicone-Auth: Bearer {KEY}")),
    "key under a name with an underscore": Refused(request("/v1/models", f"Helicone_Auth: Bearer {KEY}")),
    "key twice": Refused(request("/v1/models", WITH_KEY, WITH_KEY)),
    "key in a trailer": Refused(
        request(
            "/v1/embeddings",
            "Transfer-Encoding: chunked",
            "Trailer: Helicone-Auth",
            method="POST",
            body=f"2\r\n{{}}\r\n0\r\n{WITH_KEY}\r\n\r\n",
        )
    ),
    "the gateway's own headers instead of a key": Refused(
        request("/v1/models", f"X-Gateway-Key: Bearer {KEY}", "X-Gateway-Key-Id: x", "X-Gateway-Recorded: no")
    ),
    "expectation without a key": Refused(
        request("/v1/embeddings", "Expect: 100-continue", "Content-Length: 2", method="POST", body="{}")
    ),
    "the gateway's own headers beside a key": Harmless(
        known("/v1/models", "X-Gateway-Id: forged", "X-Gateway-Target: http://x", "X-Gateway-New: x"),
        "they are replaced and removed",
        stripped=("x-gateway-id", "x-gateway-target", "x-gateway-new", "x-gateway-key"),
    ),
}

PATHS = {
    name: Refused(known(path))
    for name, path in {
        "dot segments": "/v1/../admin",
        "dot segments to another provider": "/v1/../modelscope/v1/models",
        "dot segments at the end": "/v1/models/..",
        "one dot": "/v1/./models",
        "three dots": "/v1/.../models",
        "hidden name": "/v1/.git/config",
        "escaped dot segments": "/v1/%2e%2e/admin",
        "escaped dot segments in capitals": "/v1/%2E%2E/admin",
        "half escaped dot segments": "/v1/.%2e/admin",
        "doubly escaped dot segments": "/v1/%252e%252e/admin",
        "escaped slash": "/v1/x%2f..%2fadmin",
        "escaped slash in capitals": "/v1%2Fmodels",
        "backslash": "/v1/..\\admin",
        "escaped backslash": "/v1/..%5cadmin",
        "NUL": "/v1/models%00.json",
        "line end": "/v1/models%0d%0aHelicone-Auth:%20x",
        "escape of four digits": "/v1/%u002e%u002e/admin",
        "escape cut off": "/v1/models%2",
        "escape of nothing": "/v1/models%zz",
        "double slash": "/v1//models",
        "double slash in front": "//v1/models",
        "semicolon": "/v1/..;/admin",
        "parameter": "/v1/models;a=b",
        "escaped semicolon": "/v1/models%3b/../admin",
        "escaped question mark": "/v1/models%3f/../x",
        "fragment": "/v1/models#/../x",
        "escaped fragment": "/v1/models%23",
        "letters that are none": "/v1/m\xf6dels",
        "angle brackets": "/v1/<script>",
        "braces": "/v1/{x}",
        "pipe": "/v1/a|b",
        "very long": "/v1/" + "a" * 70_000,
        "dot segments behind a query sign of the route": "/v1?/../v1/models",
    }.items()
} | {
    "overlong escape of a dot": Harmless(
        known("/v1/%c0%ae%c0%ae/x"), "no slash, no dot: it stays below the base path", arrives=("/v1/%c0%ae%c0%ae/x",)
    ),
    "dot segments in the query": Harmless(
        known("/v1/models?next=/../../admin//x;y"),
        "a query is no path",
        arrives=("/v1/models?next=/../../admin//x;y",),
    ),
    "very deep": Harmless(known("/v1" + "/a" * 200), "as long as a header may be", arrives=("/v1" + "/a" * 200,)),
}

CHUNKED = "Transfer-Encoding: chunked"
FRAMING = {
    "length and chunks": Refused(body_of("Content-Length: 4", CHUNKED, body=f"0\r\n\r\n{SMUGGLED}")),
    "chunks and length": Refused(body_of(CHUNKED, "Content-Length: 4", body=f"0\r\n\r\n{SMUGGLED}")),
    "two lengths": Refused(body_of("Content-Length: 0", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED)),
    "two lengths in one": Refused(body_of(f"Content-Length: 0, {len(SMUGGLED)}", body=SMUGGLED)),
    "negative length": Refused(body_of("Content-Length: -1", body=SMUGGLED)),
    "length with a sign": Refused(body_of("Content-Length: +2", body="{}")),
    "hexadecimal length": Refused(body_of("Content-Length: 0x2", body="{}")),
    "huge length": Refused(body_of("Content-Length: 99999999999999999999999", body="{}")),
    "empty length": Refused(body_of("Content-Length: ", body="{}")),
    "chunks twice": Refused(body_of(CHUNKED, CHUNKED, body=f"0\r\n\r\n{SMUGGLED}")),
    "chunks and then nothing": Refused(body_of("Transfer-Encoding: chunked, identity", body=f"0\r\n\r\n{SMUGGLED}")),
    "nothing and then chunks": Refused(body_of("Transfer-Encoding: identity, chunked", body=f"0\r\n\r\n{SMUGGLED}")),
    "chunks misspelt": Refused(body_of("Transfer-Encoding: xchunked", body=f"0\r\n\r\n{SMUGGLED}")),
    "chunks behind a control character": Refused(
        body_of("Transfer-Encoding: \x0bchunked", body=f"0\r\n\r\n{SMUGGLED}")
    ),
    "space before the colon of chunks": Refused(body_of("Transfer-Encoding : chunked", body=f"0\r\n\r\n{SMUGGLED}")),
    "space before the colon of a length": Refused(body_of("Content-Length : 2", body="{}")),
    "chunks for HTTP/1.0": Refused(body_of(CHUNKED, body=f"0\r\n\r\n{SMUGGLED}").replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
    "header over two lines": Harmless(
        known("/v1/models", "X-A: b", " Transfer-Encoding: chunked"),
        "it arrives as one line, with a space between",
        stripped=("transfer-encoding",),
    ),
    "key over two lines": Harmless(
        request("/v1/models", "Helicone-Auth: Bearer", f"\t{KEY}"), "it is the valid key, and arrives nowhere"
    ),
    "bare carriage return": Harmless(
        known("/v1/models", "X-A: b\rTransfer-Encoding: chunked"),
        "it is left out, the line stays one",
        stripped=("transfer-encoding",),
    ),
    "bare line feed": Harmless(
        known("/v1/models", "X-A: b\nHelicone-Target-Url: http://x"),
        "a line end like any other, for the gateway as for the provider",
        stripped=("helicone-target-url",),
    ),
    "line feeds alone": Harmless(
        known("/v1/models").replace(b"\r\n", b"\n"), "line ends like any other; whole ones arrive"
    ),
    "chunk size that overflows": Refused(body_of(CHUNKED, body=f"FFFFFFFFFFFFFFFFF\r\n{SMUGGLED}")),
    "negative chunk size": Refused(body_of(CHUNKED, body=f"-1\r\n{SMUGGLED}")),
    "chunk size that is none": Refused(body_of(CHUNKED, body=f"x\r\n{SMUGGLED}")),
    "header without a name": Refused(known("/v1/models", ": x")),
    "header without a colon": Refused(known("/v1/models", "X-A")),
    "header name with a space": Refused(known("/v1/models", "X A: b")),
    "header name that is no token": Refused(known("/v1/models", "X-(A): b")),
    "NUL in a value": Refused(known("/v1/models", "X-A: a\0b")),
    "underscore in a name": Refused(known("/v1/models", "X_Gateway_Key: x")),
    "underscore for a hyphen in a length": Refused(body_of("Content_Length: 2", "Content-Length: 0", body="")),
    "oversized header": Refused(known("/v1/models", "X-A: " + "a" * 62_000)),
    "oversized headers together": Refused(known("/v1/models", *(f"X-{number}: {'a' * 7_000}" for number in range(10)))),
    "oversized name": Refused(known("/v1/models", "X" * 62_000 + ": a")),
    "too many headers": Refused(known("/v1/models", *(f"X-{number}: a" for number in range(120)))),
    "line feeds alone between chunks": Refused(body_of(CHUNKED, body="2\n{}\n0\n\n")),
    "line feed in a chunk extension": Refused(body_of(CHUNKED, body="2;a\nb\r\n{}\r\n0\r\n\r\n")),
    "request line with tabs": Harmless(
        known("/v1/models").replace(b"GET /v1/models HTTP", b"GET\t/v1/models\tHTTP"), "it arrives with spaces"
    ),
    "request line of HTTP/0.9": Refused(b"GET /v1/models\r\n\r\n"),
    "another version": Refused(known("/v1/models").replace(b"HTTP/1.1", b"HTTP/9.9")),
    "no HTTP at all": Refused(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 100),
    "a second request behind one without a key": Refused(
        request("/v1/models").replace(b"Connection: close\r\n", b"") + request("/v1/smuggled")
    ),
    "a request in a refused body": Refused(
        request("/v1/embeddings", f"Content-Length: {len(SMUGGLED)}", method="POST", body=SMUGGLED)
    ),
    "a request behind a length of nothing": Harmless(
        body_of("Content-Length: 0", body=SMUGGLED.replace("smuggled", "second")),
        "Connection: close was asked for: what follows is not read",
        arrives=("/v1/embeddings",),
    ),
    "chunk extensions": Harmless(
        body_of(CHUNKED, body='2;a="b;\'c"\r\n{}\r\n0;x\r\n\r\n'), "they end here", arrives=("/v1/embeddings",)
    ),
    "trailer with a target": Harmless(
        body_of(CHUNKED, body="2\r\n{}\r\n0\r\nHelicone-Target-Url: http://x\r\nHost: x\r\n\r\n"),
        "trailers end here",
        arrives=("/v1/embeddings",),
        stripped=("helicone-target-url",),
    ),
}

ATTACKS = TARGETS | METHODS | KEYS | PATHS | FRAMING


def test_there_are_enough_of_them() -> None:
    assert len(ATTACKS) == sum(map(len, (TARGETS, METHODS, KEYS, PATHS, FRAMING))) > 100


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_attack(gateway: Gateway, attack: Refused | Harmless) -> None:
    before = len(gateway.provider.received)

    expected = 0 if isinstance(attack, Refused) else len(attack.arrives)
    answer = gateway.raw(attack.data, PATIENCE if expected else 0.5, expected)

    arrived = gateway.provider.received[before:]
    statuses = [int(status) for status in STATUS.findall(answer) if status != b"100"]
    assert not [seen for seen in arrived if "smuggled" in seen["path"]]
    assert KEY not in str(arrived)
    if isinstance(attack, Refused):
        assert arrived == []
        assert all(400 <= status < 500 or status == 501 for status in statuses), answer
    else:
        assert tuple(seen["path"] for seen in arrived) == attack.arrives, answer
        assert statuses == [200] * len(attack.arrives)
        for seen in arrived:
            assert seen["headers"]["host"] == f"127.0.0.1:{gateway.provider.port}"
            assert not set(attack.stripped) & set(seen["names"])
            assert not [
                name for name in seen["names"] if name.startswith(("helicone", "x-gateway", "x-forwarded", "x-envoy"))
            ]


def test_it_serves_on_after_all_of_them(gateway: Gateway) -> None:
    assert gateway.post("/v1/chat/completions").status == 200
    assert gateway.healthy() == (0, "")


def test_slow_clients_are_given_up(gateway: Gateway) -> None:
    """How long is read here; that it happens, with shorter times, is a test among the errors."""
    envoy = yaml.safe_load(gateway.render()["envoy.yaml"])
    (listener,) = envoy["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]

    assert seconds(manager["request_headers_timeout"]) <= 30
    assert seconds(manager["request_timeout"]) <= 600
    assert seconds(manager["common_http_protocol_options"]["idle_timeout"]) <= 600
    assert seconds(manager["stream_idle_timeout"]) <= 900
    assert listener["per_connection_buffer_limit_bytes"] <= 1 << 16
    assert envoy["overload_manager"]["resource_monitors"][0]["typed_config"]["max_active_downstream_connections"] > 0


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_envoys_own_interface_is_on_this_machines_loopback_alone(gateway: Gateway) -> None:
    address, _, port = (gateway.folder / "admin").read_text().rpartition(":")

    assert address == "127.0.0.1"
    for other in ("127.0.0.2", "::1"):
        with pytest.raises(OSError, match=r"refused|unreachable|assign"):
            socket.create_connection((other, int(port)), timeout=1)


def test_the_jump_of_a_path_into_another_provider_needs_no_trick_and_gives_nothing(
    started: Callable[..., Gateway],
) -> None:
    """Whoever has a key may use every provider that is listed; those that are not have no route at all."""
    gateway = started()

    assert gateway.ask("GET", "/modelscope/v1/models", AUTH).status == 200
    assert gateway.ask("GET", "/vllm/v1/models", AUTH).status == 404
