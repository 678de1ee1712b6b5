"""Which provider a request goes to, under which path, host and method."""

from __future__ import annotations

import pytest

from tests.templates.running_envoy import AUTH, KEY, Gateway

HELICONE = {"Helicone-Auth": f"Bearer {KEY}"}


def bearer(key: str) -> dict[str, str]:
    """Return the headers of an OpenAI client."""
    return {**HELICONE, "Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    ("path", "headers", "arrives"),
    [
        # the default provider, and those with a key prefix
        ("/v1/chat/completions", bearer("sk-proj-1"), "/v1/chat/completions"),
        ("/v1/chat/completions", HELICONE, "/v1/chat/completions"),
        ("/v1/chat/completions", bearer("ms-123"), "/modelscope/v1/chat/completions"),
        ("/v1/chat/completions", {**HELICONE, "Authorization": "bearer  ms-123"}, "/modelscope/v1/chat/completions"),
        ("/v1/messages", {**HELICONE, "X-Api-Key": "sk-ant-api03-1"}, "/anthropic/v1/messages"),
        ("/v1/messages", bearer("sk-ant-1"), "/anthropic/v1/messages"),
        ("/v1/models", bearer("msx-1"), "/v1/models"),
        ("/v1/models", bearer("x-ms-1"), "/v1/models"),
        # the key for the provider decides, wherever Helicone's own stands
        ("/v1/models", {"Authorization": f"Bearer ms-1, Bearer {KEY}"}, "/modelscope/v1/models"),
        ("/v1/models", {"Authorization": f"Bearer {KEY}, Bearer ms-1"}, "/modelscope/v1/models"),
        # a provider by its name, whatever the key
        ("/openai/v1/models", bearer("ms-1"), "/v1/models"),
        ("/dashscope/v1/chat/completions", bearer("sk-1"), "/compatible-mode/v1/chat/completions"),
        ("/modelscope/v1/models", bearer("sk-1"), "/modelscope/v1/models"),
        ("/anthropic/v1/messages", {**HELICONE, "X-Api-Key": "other"}, "/anthropic/v1/messages"),
        # the rest of the path, and the query, as they are written
        ("/v1/models/Qwen/Qwen3-32B?a=b&c=%2F..%00//", bearer("sk-1"), "/v1/models/Qwen/Qwen3-32B?a=b&c=%2F..%00//"),
        ("/v1/files/file-1/content", bearer("sk-1"), "/v1/files/file-1/content"),
        ("/v1/fine_tuning/jobs", bearer("sk-1"), "/v1/fine_tuning/jobs"),
        ("/v1/batches?limit=1", bearer("sk-1"), "/v1/batches?limit=1"),
        ("/v1/audio/transcriptions", bearer("sk-1"), "/v1/audio/transcriptions"),
        ("/v1/images/edits", bearer("sk-1"), "/v1/images/edits"),
        ("/v1/models/ft:gpt-4o:org::id", bearer("sk-1"), "/v1/models/ft:gpt-4o:org::id"),
        ("/v1/models/gpt%204%C3%A9", bearer("sk-1"), "/v1/models/gpt%204%C3%A9"),
        ("/v1/v1/models", bearer("sk-1"), "/v1/v1/models"),
    ],
)
def test_a_request_arrives_where_path_and_key_say(
    gateway: Gateway, path: str, headers: dict[str, str], arrives: str
) -> None:
    for method in ("GET", "POST"):
        answer = gateway.post(path, headers) if method == "POST" else gateway.ask("GET", path, headers)
        assert (answer.status, answer.document["path"], answer.document["method"]) == (200, arrives, method)
        assert answer.document["headers"]["host"] == f"127.0.0.1:{gateway.provider.port}"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_every_method_of_an_api_works(gateway: Gateway, method: str) -> None:
    before = len(gateway.provider.received)

    answer = gateway.ask(method, "/v1/files/file-1", AUTH, b"{}" if method in ("POST", "PUT", "PATCH") else None)

    assert answer.status == 200
    assert [seen["method"] for seen in gateway.provider.received[before:]] == [method]


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/v1", "/v2/models", "/V1/models", "/v1beta/models", "/v11/models", "/x/v1/models", "/openai/v2/models"),
        *(
            "/openai",
            "/openai/v1",
            "/OpenAI/v1/models",
            "/healthcheck",
            "/healthz/",
            "/admin",
            "/gateway/oai/v1/models",
        ),
    ],
)
def test_other_paths_lead_nowhere(gateway: Gateway, path: str) -> None:
    before = len(gateway.provider.received)

    answer = gateway.ask("GET", path, AUTH)

    assert (answer.status, answer.document["error"]["code"]) == (404, "not_found")
    assert len(gateway.provider.received) == before


@pytest.mark.parametrize("host", ["llm.example.com", "169.254.169.254", "clickhouse:8123", "", "a:99999"])
def test_the_host_that_a_client_names_chooses_nothing(gateway: Gateway, host: str) -> None:
    answer = gateway.ask("GET", "/v1/models", {**AUTH, "X-Host": host})
    lines = f"GET /v1/models HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
    raw = gateway.raw((lines + "".join(f"{name}: {value}\r\n" for name, value in AUTH.items()) + "\r\n").encode())

    assert answer.status == 200
    assert raw.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))
    assert gateway.provider.received[-1]["headers"]["host"] == f"127.0.0.1:{gateway.provider.port}"


def test_the_gateways_own_health_needs_no_key_and_no_provider(gateway: Gateway) -> None:
    before = len(gateway.provider.received)

    answer = gateway.ask("GET", "/healthz")

    assert (answer.status, answer.body) == (200, b"ok")
    assert len(gateway.provider.received) == before
