"""The egress proxy: from jawn to the provider, with nothing of the caller's that the provider should not see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.render.addresses import provider_of


def start(caddy: Callable[..., Any], base_url: str) -> Any:
    context = {"project": "helicone-test", "host": "one", "provider": provider_of(base_url)}
    return caddy("app/egress.Caddyfile.j2", (9101, 9102), context)


@pytest.mark.parametrize("base", ["/v1", "/compatible-mode/v1", "/api/v3"])
def test_path_of_the_base_url_takes_the_place_of_v1(
    echo: Callable[[], Any], caddy: Callable[..., Any], base: str
) -> None:
    provider = echo()
    egress = start(caddy, f"http://127.0.0.1:{provider.port}{base}")

    answer = egress.ask("POST", "/v1/chat/completions?a=b", {"Authorization": "Bearer p"}, b"{}", port=9101)

    assert answer.document["path"] == f"{base}/chat/completions?a=b"
    assert answer.document["headers"]["authorization"] == "Bearer p"


def test_provider_learns_nothing_about_the_caller(echo: Callable[[], Any], caddy: Callable[..., Any]) -> None:
    provider = echo()
    egress = start(caddy, f"http://127.0.0.1:{provider.port}/v1")
    sent = {"Helicone-Auth": "k", "Cookie": "c", "X-Forwarded-For": "10.0.0.9", "Accept-Encoding": "gzip"}

    headers = egress.ask("POST", "/v1/embeddings", sent, b"{}", port=9101).document["headers"]

    assert headers["host"] == f"127.0.0.1:{provider.port}"
    assert headers["accept-encoding"] == "identity"
    assert not [name for name in headers if name in ("cookie", "via") or name.startswith(("helicone", "x-forwarded"))]


def test_other_paths_are_not_proxied(echo: Callable[[], Any], caddy: Callable[..., Any]) -> None:
    provider = echo()
    egress = start(caddy, f"http://127.0.0.1:{provider.port}/v1")

    assert egress.ask("GET", "/admin", port=9101).status == 404
    assert egress.ask("GET", "/healthz", port=9102).status == 200
    assert provider.received == []
