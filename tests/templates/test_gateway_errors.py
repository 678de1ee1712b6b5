"""Errors that the gateway itself makes: OpenAI's clients read them as they read OpenAI's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.templates.running_envoy import AUTH, JSON, KEY, Gateway
from tests.templates.stand_ins import Answer


def error_of(answer: Answer) -> dict[str, Any]:
    """Return the error of an answer in OpenAI's shape, which is checked."""
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.document) == {"error"}
    error: dict[str, Any] = answer.document["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] is None
    assert len(error["message"]) > 10
    assert "helicone-id" not in answer.headers or answer.status == 503
    return error


@pytest.mark.parametrize(
    ("request_", "status", "type_", "code"),
    [
        (("GET", "/v1/%2e%2e/x", AUTH), 400, "invalid_request_error", "bad_request"),
        (("GET", "/v1/models", {**AUTH, "a_b": "1"}), 400, "invalid_request_error", "bad_request"),
        (("GET", "/v1/models", {}), 401, "invalid_request_error", "invalid_api_key"),
        (("GET", "/v1/models", {"Helicone-Auth": "x"}), 401, "invalid_request_error", "invalid_api_key"),
        (("GET", "/", AUTH), 404, "invalid_request_error", "not_found"),
        (("GET", "/v1/models", {**AUTH, "X": "x" * 70_000}), 431, "invalid_request_error", "headers_too_large"),
    ],
)
def test_a_refusal_has_openais_shape(
    gateway: Gateway, request_: tuple[Any, ...], status: int, type_: str, code: str
) -> None:
    answer = gateway.ask(*request_)

    error = error_of(answer)
    assert (answer.status, error["type"], error["code"]) == (status, type_, code)


def test_what_is_wrong_with_a_key_is_said(gateway: Gateway) -> None:
    none = error_of(gateway.ask("GET", "/v1/models"))["message"]
    unknown = error_of(gateway.ask("GET", "/v1/models", {"Helicone-Auth": "Bearer sk-helicone-x"}))["message"]

    assert "Helicone-Auth: Bearer sk-helicone-" in none
    assert "revoked" in unknown
    assert "sk-helicone-x" not in unknown


def test_a_provider_that_is_not_there_is_named_as_the_culprit(started: Callable[..., Gateway]) -> None:
    gateway = started("providers.dead.base_url=http://127.0.0.1:1/v1")

    answer = gateway.post("/dead/v1/chat/completions")

    assert answer.status in (502, 503)
    assert error_of(answer)["code"] == "provider_unreachable"
    (line,) = gateway.access_log(answer)
    assert "Connection_refused" in line["details"], "nothing was waited for"
    assert gateway.post("/v1/chat/completions").status == 200
    unknown = started("providers.dead.base_url=http://no-such-name.invalid/v1").post("/dead/v1/chat/completions")
    assert error_of(unknown)["code"] == "provider_unreachable"


def test_a_provider_that_hangs_up_is_named_as_the_culprit(gateway: Gateway) -> None:
    before = len(gateway.provider.received)

    answer = gateway.post("/v1/chat/completions", None, {"hang up": True})

    assert answer.status in (502, 503)
    assert error_of(answer)["code"] == "provider_unreachable"
    assert len(gateway.provider.received) == before + 1, "a request that a provider got must not be sent again"


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 503])
def test_a_providers_own_errors_pass_untouched(gateway: Gateway, status: int) -> None:
    answer = gateway.post("/v1/chat/completions", None, {"status": status})

    assert answer.status == status
    assert answer.document["path"] == "/v1/chat/completions"
    assert answer.headers["helicone-recorded"] == "yes"


def test_headers_and_bodies_that_do_not_come_are_not_waited_for(prepare: Callable[..., Gateway]) -> None:
    """The limits are seconds and minutes; here they are shortened."""
    gateway = prepare()
    gateway.allow(KEY)
    patched = []

    def shorten(text: str) -> str:
        for name, seconds in (("request_headers_timeout", "15s"), ("request_timeout", "300s")):
            assert f"{name}: {seconds}" in text
            text = text.replace(f"{name}: {seconds}", f"{name}: 0.5s")
        patched.append(text)
        return text

    gateway.start(envoy=shorten)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nHelicone-Auth: Bearer {KEY}\r\n"

    headers = gateway.raw(head.encode())
    body = gateway.raw(head.encode() + b"Content-Length: 10\r\n\r\n12345")

    assert patched
    for answer in (headers, body):
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"request_timeout"' in answer
    assert gateway.post("/v1/chat/completions").status == 200


def test_openais_own_client_understands_both_sides(gateway: Gateway) -> None:
    base = f"http://127.0.0.1:{gateway.port}/v1"
    stranger = openai.OpenAI(base_url=base, api_key="p", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as caught:
        stranger.models.list()
    assert caught.value.code == "invalid_api_key"

    lost = openai.OpenAI(base_url=f"{base}/../x", api_key="p", default_headers={"Helicone-Auth": KEY}, max_retries=0)
    with pytest.raises((openai.BadRequestError, openai.NotFoundError, openai.AuthenticationError)):
        lost.models.list()

    known = openai.OpenAI(base_url=base, api_key="p", default_headers={"Helicone-Auth": f"Bearer {KEY}"}, max_retries=0)
    raw = known.chat.completions.with_raw_response.create(model="m", messages=[{"role": "user", "content": "x"}])
    assert raw.http_response.json()["headers"]["authorization"] == "Bearer p"
    assert raw.headers["helicone-recorded"] == "yes"


def test_json_is_named_in_the_answer_to_a_request_for_anything(gateway: Gateway) -> None:
    for accept in ("text/html", "application/xml", "*/*"):
        assert error_of(gateway.ask("POST", "/v1/x", {**JSON, "Accept": accept}, b"{}"))["code"] == "invalid_api_key"
