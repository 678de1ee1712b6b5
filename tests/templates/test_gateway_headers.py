"""What a provider and a client get to see: nothing of the gateway's bookkeeping on one side, all of it on the other."""

from __future__ import annotations

import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.templates.running_envoy import AUTH, JSON, KEY, Gateway

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HIDDEN = {
    "Helicone-Auth": f"Bearer {KEY}",
    "Helicone-Request-Id": "11111111-2222-4333-8444-555555555555",
    "Helicone-Property-Team": "a",
    "helicone-user-id": "u",
    "HELICONE-Session-Id": "s",
    "Helicone-Target-Url": "https://other.example.com",
    "Helicone-OpenAI-Api-Base": "https://other.example.com",
    "Helicone-Fallbacks": "[]",
    "Helicone-Posthog-Key": "k",
    "X-Gateway-Id": "forged",
    "X-Gateway-Key": "forged",
    "X-Gateway-Recorded": "yes",
    "X-Gateway-Anything": "forged",
    "Cookie": "session=secret",
    "X-Forwarded-For": "10.0.0.9",
    "X-Forwarded-Host": "h",
    "X-Forwarded-Proto": "https",
    "X-Real-Ip": "10.0.0.9",
    "Forwarded": "for=10.0.0.9",
    "Via": "1.1 here",
    "X-Request-Id": "mine",
    "X-Envoy-External-Address": "10.0.0.9",
    "X-Envoy-Internal": "true",
    "X-Envoy-Original-Path": "/admin",
    "X-Envoy-Upstream-Rq-Timeout-Ms": "1",
    "X-Envoy-Retry-On": "5xx",
    "X-Envoy-Max-Retries": "9",
    "X-Envoy-Decorator-Operation": "x",
}


@pytest.mark.parametrize("recorded", [True, False])
def test_a_provider_learns_nothing_of_the_client_but_what_is_meant_for_it(gateway: Gateway, recorded: bool) -> None:
    sent = {**HIDDEN, **JSON, "Authorization": "Bearer p", "OpenAI-Beta": "x", "User-Agent": "sdk", "Accept": "*/*"}

    answer = gateway.post("/v1/chat/completions", sent) if recorded else gateway.ask("GET", "/v1/models", sent)

    wanted = {"accept", "accept-encoding", "authorization", "content-type", "host", "openai-beta", "user-agent"}
    wanted |= {"content-length"} if recorded else set()
    assert set(answer.document["names"]) == wanted
    assert answer.document["headers"]["authorization"] == "Bearer p"


def test_a_client_learns_its_requests_id_and_nothing_of_what_the_gateway_is_made_of(gateway: Gateway) -> None:
    passed = gateway.post("/v1/chat/completions")
    refused = gateway.post("/v1/chat/completions", {})

    assert UUID.fullmatch(passed.headers["helicone-id"])
    assert (passed.headers["helicone-status"], passed.headers["helicone-recorded"]) == ("success", "yes")
    assert not [name for name in (*passed.headers, *refused.headers) if name.startswith(("x-envoy", "x-gateway"))]
    assert "server" not in refused.headers
    assert "envoy" not in str(passed.headers).lower()
    assert passed.headers["server"].startswith("BaseHTTP")  # the provider's own
    assert not {"helicone-id", "helicone-status", "helicone-recorded"} & set(refused.headers)


def test_an_answer_carries_each_of_the_gateways_headers_once_whatever_the_provider_sends(gateway: Gateway) -> None:
    answer = gateway.raw(
        f"GET /v1/models HTTP/1.1\r\nHost: h\r\nConnection: close\r\nHelicone-Auth: Bearer {KEY}\r\n\r\n".encode()
    ).lower()

    assert [answer.count(name) for name in (b"helicone-id:", b"helicone-status:", b"helicone-recorded:")] == [1, 1, 1]


def test_a_requests_own_id_is_honoured_in_lower_case(gateway: Gateway) -> None:
    own = "ABCDEF12-3456-4789-8ABC-DEF012345678"

    for method in ("GET", "POST"):
        answer = gateway.ask(method, "/v1/models", {**AUTH, "Helicone-Request-Id": own})
        assert answer.headers["helicone-id"] == own.lower()


@pytest.mark.parametrize(
    "own",
    [
        *("", "1", "not-a-uuid", "11111111-2222-4333-8444-55555555555", "11111111-2222-4333-8444-5555555555555"),
        *("11111111222243338444555555555555", "g1111111-2222-4333-8444-555555555555"),
        *("11111111-2222-4333-8444-555555555555,1", "{11111111-2222-4333-8444-555555555555}", "%00", "é", "' or 1=1"),
    ],
)
def test_anything_but_a_uuid_is_no_id(gateway: Gateway, own: str) -> None:
    answer = gateway.ask("GET", "/v1/models", {**AUTH, "Helicone-Request-Id": own, "X-Request-Id": own})

    assert UUID.fullmatch(answer.headers["helicone-id"])
    assert answer.headers["helicone-id"] not in own


def test_no_two_requests_get_one_id(gateway: Gateway) -> None:
    forged = {**AUTH, "X-Request-Id": str(uuid.uuid4())}

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: gateway.ask("GET", "/v1/models", forged).headers["helicone-id"], range(200)))

    assert len(set(found)) == 200
    assert forged["X-Request-Id"] not in found
    assert all(UUID.fullmatch(one) for one in found)


@pytest.mark.parametrize(
    ("accepted", "asked"),
    [
        (None, "identity"),
        ("", "identity"),
        ("br", "identity"),
        ("zstd, br", "identity"),
        ("gzip", "gzip"),
        ("br, gzip, deflate", "gzip"),
        ("GZIP;q=1.0", "gzip"),
        ("identity,\tgzip ; q=0.001", "gzip"),
        ("br;q=0,gzip;q=0.5,*;q=0", "gzip"),
        ("gzip;q=0, identity", "identity"),
        ("br, gzip ; Q = 0.000 , *", "identity"),
        ("gzip;q=0.", "identity"),
        ("gzipped, xgzip", "identity"),
    ],
)
def test_a_provider_is_asked_for_what_the_recorder_can_read(gateway: Gateway, accepted: str | None, asked: str) -> None:
    headers = AUTH if accepted is None else {**AUTH, "Accept-Encoding": accepted}

    assert gateway.ask("GET", "/v1/models", headers).document["headers"]["accept-encoding"] == asked


def test_a_compressed_answer_passes_as_it_is(gateway: Gateway) -> None:
    answer = gateway.post("/v1/chat/completions", {**AUTH, "Accept-Encoding": "gzip"}, {"gzip": True})

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.body[:2] == b"\x1f\x8b"
