"""The UI's port: who gets through, where to, and what never does."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from gateway.render.addresses import certificate_finder
from gateway.render.topology import bracketed
from tests.templates.running_envoy import PATIENCE, eventually

KEY = "sk-helicone-abcdefg-abcdefg-abcdefg-abcdefg"
AUTH = {"Helicone-Auth": f"Bearer {KEY}", "Authorization": "Bearer provider-sentinel"}


class Edge(NamedTuple):
    """The running edge and what stands behind it."""

    caddy: Any
    jawn: Any
    web: Any
    store: Any


def start(echo: Callable[[], Any], caddy: Callable[..., Any], mode: str) -> Edge:
    jawn, web, store = echo(), echo(), echo()
    tls = SimpleNamespace(mode=mode, email="", authority="https://ca.example.com/directory")
    context = {
        "project": "helicone-test",
        "host": "one",
        "edge": SimpleNamespace(tls=tls),
        "certificate_names": ["127.0.0.1"],
        "bracketed": bracketed,
        "operators_authority": "",
        "upstreams": {
            "jawn": [f"127.0.0.1:{jawn.port}"],
            "web": [f"127.0.0.1:{web.port}"],
            "object_store": f"127.0.0.1:{store.port}",
            "bucket_paths": ["/request-response-storage/*"],
        },
    }
    return Edge(caddy("edge/Caddyfile.j2", (3080, 3000), context), jawn, web, store)


@pytest.fixture
def edge(echo: Callable[[], Any], caddy: Callable[..., Any]) -> Edge:
    return start(echo, caddy, "off")


def test_its_own_health_is_on_another_port(edge: Edge) -> None:
    assert edge.caddy.ask("GET", "/healthz", port=3080).body == b"ok"
    assert edge.caddy.ask("GET", "/other", port=3080).status == 404


def test_its_own_authority_makes_certificates_where_the_gateway_looks_for_them(
    echo: Callable[[], Any], caddy: Callable[..., Any], tmp_path: Path
) -> None:
    edge = start(echo, caddy, "internal")
    host: Any = SimpleNamespace(variables=SimpleNamespace(edge=SimpleNamespace(tls=SimpleNamespace(mode="internal"))))
    find = certificate_finder(host)
    files = [tmp_path / find("127.0.0.1", kind).replace("/certificates", "data", 1) for kind in ("crt", "key")]
    assert eventually(lambda: all(file.is_file() for file in files)) is not None
    root = tmp_path / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    trusting = ssl.create_default_context(cafile=str(root))

    connection = http.client.HTTPSConnection("127.0.0.1", edge.caddy.ports[3000], timeout=PATIENCE, context=trusting)
    connection.request("GET", "/signin")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()

    assert json.loads(body)["path"] == "/signin"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_log_holds_no_credentials(edge: Edge) -> None:
    secrets = AUTH | {"Cookie": "session=cookie-sentinel", "X-Api-Key": "key-sentinel"}
    edge.caddy.ask("GET", "/settings?X-Amz-Signature=query-sentinel", secrets)
    edge.caddy.ask("POST", "/jawn/v1/request?key=query-sentinel", secrets, b"{}")

    assert eventually(lambda: edge.caddy.log.read_text().count("handled request") == 2) is not None
    log = edge.caddy.log.read_text()

    lines = [json.loads(line) for line in log.splitlines() if "handled request" in line]
    assert [line["status"] for line in lines] == [200, 200]
    assert "sentinel" not in log
    assert KEY not in log


def test_upgrades_and_fallbacks_never_reach_jawn(edge: Edge) -> None:
    wanted = {"Helicone-Fallbacks": "no json", "Upgrade": "websocket", "Connection": "upgrade"}

    headers = edge.caddy.ask("POST", "/jawn/v1/request", wanted, b"{}").document["headers"]

    assert not {"helicone-fallbacks", "upgrade"} & set(headers)


def test_ui_goes_to_web_and_its_api_to_jawn(edge: Edge) -> None:
    assert edge.caddy.ask("GET", "/signin").document["path"] == "/signin"
    assert edge.caddy.ask("POST", "/api/auth/sign-in/email", body=b"{}").status == 200
    api = edge.caddy.ask("GET", "/jawn/v1/organization?x=a%20b", {"Cookie": "session=1"})

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
    assert edge.caddy.ask("POST", path, AUTH, b"{}").status in (400, 403)
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
    assert edge.caddy.ask("POST", path, body=b"{}").status in (400, 403)
    assert edge.web.received == []


def test_signed_links_reach_the_store_with_this_host_name_and_nothing_else_does(edge: Edge) -> None:
    path = "/request-response-storage/organizations/1/body"
    signed = edge.caddy.ask("GET", f"{path}?X-Amz-Signature=abc", {"Cookie": "c"})
    edge.caddy.ask("GET", path)
    edge.caddy.ask("PUT", f"{path}?X-Amz-Signature=abc", body=b"x")

    assert signed.document["headers"]["host"] == f"127.0.0.1:{edge.caddy.ports[3000]}"
    assert "cookie" not in signed.document["headers"]
    assert len(edge.store.received) == 1
    assert len(edge.web.received) == 2
