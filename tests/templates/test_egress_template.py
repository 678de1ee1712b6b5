"""The egress proxy: from jawn to the provider, with nothing of the caller's that the provider should not see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.render.addresses import providers_of
from tests.unit.situations import load


@pytest.fixture
def start(tmp_path: Path, caddy: Callable[..., Any]) -> Callable[..., Any]:
    """Return a starter of the egress for providers by name and base URL; `openai` is the default."""

    def start(recording: str = "edge", **providers: str) -> Any:
        settings = [f"providers.{name}.base_url={url}" for name, url in providers.items()]
        routes = providers_of(load(tmp_path, *settings).hosts["app1"])
        context = {
            "project": "helicone-test",
            "host": "one",
            "routes": routes,
            "gateway": SimpleNamespace(recording=recording, default_provider="openai"),
        }
        wanted = [one.egress for one in routes if recording == "inline" or one.name == "openai"]
        return caddy("app/egress.Caddyfile.j2", (*wanted, 9102), context)

    return start


@pytest.mark.parametrize("base", ["/v1", "/compatible-mode/v1", "/api/v3"])
def test_paths_below_the_base_url_pass(echo: Callable[[], Any], start: Callable[..., Any], base: str) -> None:
    provider = echo()
    egress = start(openai=f"http://127.0.0.1:{provider.port}{base}")

    answer = egress.ask("POST", f"{base}/chat/completions?a=b", {"Authorization": "Bearer p"}, b"{}", port=9101)

    assert answer.document["path"] == f"{base}/chat/completions?a=b"
    assert answer.document["headers"]["authorization"] == "Bearer p"


def test_provider_learns_nothing_about_the_caller(echo: Callable[[], Any], start: Callable[..., Any]) -> None:
    provider = echo()
    egress = start(openai=f"http://127.0.0.1:{provider.port}/v1")
    sent = {"Helicone-Auth": "k", "Cookie": "c", "X-Forwarded-For": "10.0.0.9", "Accept-Encoding": "gzip"}

    headers = egress.ask("POST", "/v1/embeddings", sent, b"{}", port=9101).document["headers"]

    assert headers["host"] == f"127.0.0.1:{provider.port}"
    assert headers["accept-encoding"] == "identity"
    assert not [name for name in headers if name in ("cookie", "via") or name.startswith(("helicone", "x-forwarded"))]


def test_other_paths_are_not_proxied(echo: Callable[[], Any], start: Callable[..., Any]) -> None:
    provider = echo()
    egress = start(openai=f"http://127.0.0.1:{provider.port}/v1")

    assert egress.ask("GET", "/admin", port=9101).status == 404
    assert egress.ask("GET", "/healthz", port=9102).status == 200
    assert provider.received == []


def test_inline_every_provider_has_a_port_of_its_own(echo: Callable[[], Any], start: Callable[..., Any]) -> None:
    first, second = echo(), echo()
    base = f"http://127.0.0.1:{second.port}/compatible-mode/v1"
    egress = start("inline", openai=f"http://127.0.0.1:{first.port}/v1", dashscope=base)

    assert egress.ask("POST", "/v1/x", port=9101).document["headers"]["host"] == f"127.0.0.1:{first.port}"
    found = egress.ask("POST", "/compatible-mode/v1/x", port=9111).document
    assert (found["path"], found["headers"]["host"]) == ("/compatible-mode/v1/x", f"127.0.0.1:{second.port}")
    assert egress.ask("POST", "/v1/x", port=9111).status == 404


def test_recorded_at_the_edge_only_the_default_provider_is_reachable_from_jawn(
    echo: Callable[[], Any], start: Callable[..., Any]
) -> None:
    egress = start(openai=f"http://127.0.0.1:{echo().port}/v1")

    assert set(egress.ports) == {9101, 9102}
    assert "dashscope" not in (egress.log.parent / "Caddyfile").read_text()
