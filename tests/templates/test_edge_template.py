"""The edge: who gets through, where to, and what never does."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from gateway.render.addresses import provider_of

KEY = "sk-helicone-abcdefg-abcdefg-abcdefg-abcdefg"
AUTH = {"Helicone-Auth": f"Bearer {KEY}", "Authorization": "Bearer provider-sentinel"}


class Edge(NamedTuple):
    """The running edge and what stands behind it."""

    caddy: Any
    jawn: Any
    web: Any
    store: Any
    provider: Any


@pytest.fixture
def edge(echo: Callable[[], Any], caddy: Callable[..., Any]) -> Edge:
    jawn, web, store, provider = echo(), echo(), echo(), echo()
    context = {
        "project": "helicone-test",
        "host": "one",
        "provider": provider_of(f"http://127.0.0.1:{provider.port}/compatible-mode/v1"),
        "upstreams": {
            "jawn": [f"127.0.0.1:{jawn.port}"],
            "web": [f"127.0.0.1:{web.port}"],
            "object_store": f"127.0.0.1:{store.port}",
            "bucket_paths": ["/request-response-storage/*"],
        },
    }
    return Edge(caddy("edge/Caddyfile.j2", (8787, 3000), context), jawn, web, store, provider)


def test_completion_goes_to_the_gateway_route_of_jawn(edge: Edge) -> None:
    answer = edge.caddy.ask("POST", "/v1/chat/completions?a=b", AUTH, b"{}")

    assert answer.status == 200
    assert answer.document["path"] == "/v1/gateway/oai/v1/chat/completions?a=b"
    assert answer.document["headers"]["authorization"] == "Bearer provider-sentinel"
    assert answer.document["headers"]["helicone-auth"] == f"Bearer {KEY}"
    assert answer.document["headers"]["accept-encoding"] == "identity"


def test_caller_cannot_choose_the_target(edge: Edge) -> None:
    wanted = {
        "Helicone-Target-Url": "http://clickhouse:8123/x.openai.azure.com",
        "helicone-openai-api-base": "https://api.groq.com@other.example",
        "Helicone-Fallbacks": "no json",
        "Upgrade": "websocket",
        "Connection": "upgrade",
    }

    headers = edge.caddy.ask("POST", "/v1/chat/completions", AUTH | wanted, b"{}").document["headers"]

    assert headers["helicone-target-url"] == "http://127.0.0.1:9101/v1"
    assert not {"helicone-openai-api-base", "helicone-fallbacks", "upgrade"} & set(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer provider, Bearer {KEY}"},
        {"Authorization": f"Bearer provider,Bearer {KEY}"},
        {"Authorization": f"Bearer {KEY}, Bearer provider"},
        {"Helicone-Auth": f"Bearer {KEY.replace('helicone', 'helicone-eu')}"},
    ],
)
def test_every_form_of_a_key_passes(edge: Edge, headers: dict[str, str]) -> None:
    assert edge.caddy.ask("POST", "/v1/chat/completions", headers, b"{}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer provider"},
        {"Authorization": "Bearer provider, Bearer other"},
        {"Helicone-Auth": "Bearer "},
        {"Helicone-Auth": "Bearer sk-helicone-short"},
        {"Helicone-Auth": f"Bearer {KEY}x"},
    ],
)
def test_without_a_well_formed_key_the_call_ends_here(edge: Edge, headers: dict[str, str]) -> None:
    answer = edge.caddy.ask("POST", "/v1/chat/completions", headers, b"{}")

    assert answer.status == 401
    assert answer.document["error"]["code"] == "invalid_api_key"
    assert answer.headers["Content-Type"] == "application/json"
    assert edge.jawn.received == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../v1/api-keys",
        "/v1/chat/../../v1/api-keys",
        "/v1/%2e%2e/v1/api-keys",
        "/v1/chat%2Fcompletions",
        "/v1//chat/completions",
        "/v1/./chat",
        "/v1/chat/..",
        "/v1/.../chat",
        "/v1/chat\\..\\x",
        "/v1/a;b",
        "/v1/",
        "/v1",
        "/V1/chat/completions",
        "//v1/chat/completions",
        "/x/v1/chat",
        "/",
        "/healthcheck",
    ],
)
def test_odd_paths_never_reach_jawn(edge: Edge, path: str) -> None:
    for method in ("POST", "GET", "DELETE"):
        answer = edge.caddy.ask(method, path, AUTH, b"{}")
        assert answer.status in (400, 404), (method, path)
    assert edge.jawn.received == []
    assert edge.provider.received == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_posts_reach_jawn(edge: Edge, method: str) -> None:
    answer = edge.caddy.ask(method, "/v1/chat/completions", AUTH)

    assert answer.status == 404
    assert answer.document["error"]["type"] == "invalid_request_error"
    assert edge.jawn.received == []


def test_ten_megabytes_pass_and_one_byte_more_does_not(edge: Edge) -> None:
    limit = 10 * 1024 * 1024

    assert edge.caddy.ask("POST", "/v1/embeddings", AUTH, b"x" * limit).document["size"] == limit
    too_large = edge.caddy.ask("POST", "/v1/embeddings", AUTH, b"x" * (limit + 1))

    assert too_large.status == 413
    assert too_large.document["error"]["code"] == "request_too_large"
    assert len(edge.jawn.received) == 1


def test_body_of_unknown_length_is_limited_as_well(edge: Edge) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(11):
            yield b"x" * 1024 * 1024

    answer = edge.caddy.ask("POST", "/v1/embeddings", AUTH, pieces())

    assert answer.status == 413
    assert answer.document["error"]["code"] == "request_too_large"


def test_streams_pass_piece_by_piece(edge: Edge) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", edge.caddy.ports[8787], timeout=10)
    started = time.monotonic()
    connection.request("POST", "/v1/chat/completions", body=b'{"stream": true}', headers=AUTH)
    response = connection.getresponse()
    first = response.readline()
    waited = time.monotonic() - started
    rest = response.read()
    connection.close()

    assert first == b"data: one\n"
    assert waited < 0.45
    assert b"data: two" in rest


@pytest.mark.parametrize(
    "authorization", ["Bearer provider", f"Bearer provider, Bearer {KEY}", f"Bearer {KEY}, Bearer provider"]
)
def test_models_come_from_the_provider_and_nothing_of_helicone_goes_there(edge: Edge, authorization: str) -> None:
    headers = {"Authorization": authorization, "Helicone-Auth": f"Bearer {KEY}", "Helicone-User-Id": "u", "Cookie": "c"}

    answer = edge.caddy.ask("GET", "/v1/models/Qwen/Qwen3-32B?limit=2", headers)

    assert answer.document["path"] == "/compatible-mode/v1/models/Qwen/Qwen3-32B?limit=2"
    assert answer.document["headers"]["authorization"] == "Bearer provider"
    assert answer.document["headers"]["host"] == f"127.0.0.1:{edge.provider.port}"
    assert not [name for name in answer.document["headers"] if "helicone" in name or name in ("cookie", "via")]
    assert edge.jawn.received == []


def test_health_and_headers(edge: Edge) -> None:
    answer = edge.caddy.ask("GET", "/healthz")

    assert (answer.status, answer.body) == (200, b"ok")
    proxied = edge.caddy.ask("GET", "/v1/models")
    for one in (answer, proxied):
        assert not {"Server", "Via"} & set(one.headers)


def test_log_holds_no_credentials(edge: Edge) -> None:
    secrets = AUTH | {"Cookie": "session=cookie-sentinel", "X-Api-Key": "key-sentinel"}
    edge.caddy.ask("POST", "/v1/chat/completions?api_key=query-sentinel", secrets, b"{}")
    edge.caddy.ask("GET", "/settings?X-Amz-Signature=query-sentinel", secrets, port=3000)
    edge.caddy.ask("POST", "/v1/embeddings", secrets, b"x" * (10 * 1024 * 1024 + 1))
    time.sleep(0.2)

    log = edge.caddy.log.read_text()

    lines = [json.loads(line) for line in log.splitlines() if "handled request" in line]
    assert [line["status"] for line in lines] == [200, 200, 413]
    assert "sentinel" not in log
    assert KEY not in log


def test_ui_goes_to_web_and_its_api_to_jawn(edge: Edge) -> None:
    assert edge.caddy.ask("GET", "/signin", port=3000).document["path"] == "/signin"
    assert edge.caddy.ask("POST", "/api/auth/sign-in/email", body=b"{}", port=3000).status == 200
    api = edge.caddy.ask("GET", "/jawn/v1/organization?x=a%20b", {"Cookie": "session=1"}, port=3000)

    assert api.document["path"] == "/v1/organization?x=a%20b"
    assert api.document["headers"]["cookie"] == "session=1"
    assert len(edge.web.received) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/jawn/v1/gateway/oai/v1/chat/completions",
        "/jawn/v1/gateway",
        "/jawn/V1/Gateway/oai/v1",
        "/jawn/v1/%67ateway/oai/v1",
        "/jawn//v1/gateway/oai/v1",
        "/jawn/./v1/gateway/oai",
        "/jawn/x/../v1/gateway/oai",
        "/jawn/x/%2e%2e/v1/gateway/oai",
        "/jawn%2Fv1/gateway/oai",
        "/jawn/run-loops/1",
        "/x/../jawn/v1/gateway/oai",
    ],
)
def test_gateway_is_not_reachable_through_the_ui(edge: Edge, path: str) -> None:
    assert edge.caddy.ask("POST", path, AUTH, b"{}", port=3000).status in (400, 403)
    assert edge.jawn.received == []
    assert edge.web.received == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/auth/sign-up/email",
        "/api/auth/sign-up",
        "/API/auth/sign-up/email",
        "/api/auth/sign%2Dup/email",
        "//api/auth/sign-up/email",
        "/api/auth/./sign-up/email",
        "/api/auth/sign-up/email/",
    ],
)
def test_registration_is_closed(edge: Edge, path: str) -> None:
    assert edge.caddy.ask("POST", path, body=b"{}", port=3000).status in (400, 403)
    assert edge.web.received == []


def test_signed_links_reach_the_store_with_this_host_name_and_nothing_else_does(edge: Edge) -> None:
    path = "/request-response-storage/organizations/1/body"
    signed = edge.caddy.ask("GET", f"{path}?X-Amz-Signature=abc", {"Cookie": "c"}, port=3000)
    edge.caddy.ask("GET", path, port=3000)
    edge.caddy.ask("PUT", f"{path}?X-Amz-Signature=abc", body=b"x", port=3000)

    assert signed.document["headers"]["host"] == f"127.0.0.1:{edge.caddy.ports[3000]}"
    assert "cookie" not in signed.document["headers"]
    assert len(edge.store.received) == 1
    assert len(edge.web.received) == 2
