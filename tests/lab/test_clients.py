"""The official SDKs against the lab's gateway: only the base URL and one header differ from the provider's own."""

from __future__ import annotations

import json
import ssl
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import anthropic
import httpx2
import openai
import pytest

from tests.lab.command import authorities, clickhouse, gateway, http, secret

pytestmark = pytest.mark.usefixtures("deployed")

PROVIDER = "http://172.30.87.6:8080"
MESSAGES = [{"role": "user", "content": "你好"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
# What the client's key looks like, and which provider its requests go to.
KEYS = {"sk-test": "openai", "ms-0123456789": "modelscope"}


@dataclass(frozen=True)
class Row:
    """What Helicone's store says of one request."""

    status: int
    model: str
    prompt_tokens: int
    completion_tokens: int
    properties: dict[str, str]


def row(identifier: str) -> Row:
    """Return a request's only row, waiting for it."""
    query = (
        "SELECT status, model, prompt_tokens, completion_tokens, toJSONString(properties)"
        f" FROM default.request_response_rmt WHERE request_id = '{identifier}'"
    )
    for _ in range(120):
        lines = clickhouse(query)
        if lines:
            assert len(lines) == 1, lines
            status, model, prompt, completion, properties = lines[0].split("\t")
            return Row(int(status), model, int(prompt), int(completion), json.loads(properties))
        time.sleep(0.5)
    raise AssertionError(f"{identifier} is not in the store after a minute")


def hits() -> dict[str, int]:
    """Return how often each provider was asked."""
    found: dict[str, int] = json.loads(http("GET", f"{PROVIDER}/lab/hits")[2])["providers"]
    return found


@pytest.fixture(scope="module")
def transport() -> Iterator[httpx2.Client]:
    """Give an HTTP client that trusts the edges' own authorities."""
    with httpx2.Client(verify=ssl.create_default_context(cadata=authorities())) as client:
        yield client


@pytest.fixture(params=KEYS)
def key(request: pytest.FixtureRequest) -> str:
    """Give a provider key of each kind."""
    return str(request.param)


@pytest.fixture
def client(key: str, transport: httpx2.Client) -> openai.OpenAI:
    """Give OpenAI's SDK, set up as the README says."""
    return openai.OpenAI(
        base_url=gateway("app1"), api_key=key, max_retries=0, http_client=transport,
        default_headers={"Helicone-Auth": f"Bearer {secret('helicone_api_key')}"},
    )  # fmt: skip


def marked() -> tuple[str, dict[str, str]]:
    """Return a fresh id and the header that gives it to a request."""
    identifier = str(uuid.uuid4())
    return identifier, {"Helicone-Request-Id": identifier, "Helicone-Property-Test": "clients"}


def test_chat(client, key):
    before = hits()
    identifier, headers = marked()
    answer = client.chat.completions.create(model="Qwen/Qwen3-32B", messages=MESSAGES, extra_headers=headers)
    assert "STAND-IN" in answer.choices[0].message.content
    found = row(identifier)
    assert (found.status, found.model) == (200, "Qwen/Qwen3-32B")
    assert found.prompt_tokens == answer.usage.prompt_tokens
    assert found.completion_tokens == answer.usage.completion_tokens
    assert found.properties["test"] == "clients"
    after = hits()
    assert {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)} == {
        KEYS[key]: 1
    }


def test_a_stream(client):
    identifier, headers = marked()
    stream = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers=headers,
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "STAND-IN" in text
    found = row(identifier)
    assert (found.status, found.model) == (200, "gpt-4o-mini")
    assert found.completion_tokens == chunks[-1].usage.completion_tokens


def test_tools(client):
    identifier, headers = marked()
    answer = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=TOOLS, extra_headers=headers)
    assert answer.choices[0].message.tool_calls[0].function.name == "weather"
    assert row(identifier).model == "gpt-4o"


def test_embeddings(client):
    identifier, headers = marked()
    answer = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], extra_headers=headers)
    assert len(answer.data) == 2
    found = row(identifier)
    assert (found.model, found.prompt_tokens) == ("text-embedding-3-small", answer.usage.prompt_tokens)


def test_models_and_files_pass_and_say_that_they_are_not_recorded(client):
    answer = client.models.with_raw_response.list()
    assert answer.headers["helicone-recorded"] == "no"
    assert [model.id for model in answer.parse()]
    uploaded = client.files.create(file=("lines.jsonl", b'{"a": 1}\n' * 1000), purpose="batch")
    assert uploaded.bytes == 9000
    assert uploaded.id in [file.id for file in client.files.list()]
    assert client.files.content(uploaded.id).read() == b'{"a": 1}\n' * 1000
    assert client.files.delete(uploaded.id).deleted


def test_an_error_of_the_provider_reaches_the_client_and_the_record(client):
    identifier, headers = marked()
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="error-429", messages=MESSAGES, extra_headers=headers)
    assert row(identifier).status == 429


@pytest.mark.parametrize("streamed", [False, True])
def test_the_anthropic_sdk_on_its_route(transport, streamed):
    before = hits().get("anthropic", 0)
    identifier, headers = marked()
    client = anthropic.Anthropic(
        base_url=gateway("app1").removesuffix("/v1") + "/anthropic", api_key="sk-ant-lab", max_retries=0,
        http_client=anthropic.DefaultHttpxClient(verify=ssl.create_default_context(cadata=authorities())),
        default_headers={"Helicone-Auth": f"Bearer {secret('helicone_api_key')}"},
    )  # fmt: skip
    asked = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": MESSAGES, "extra_headers": headers}
    if streamed:
        with client.messages.stream(**asked) as stream:
            answer = stream.get_final_message()
    else:
        answer = client.messages.create(**asked)
    assert "STAND-IN" in answer.content[0].text
    found = row(identifier)
    assert (found.status, found.model) == (200, "claude-haiku-4-5")
    assert found.completion_tokens == answer.usage.output_tokens
    assert hits()["anthropic"] == before + 1


@pytest.mark.parametrize("header", [None, "Bearer sk-helicone-aaaaaaa-bbbbbbb-ccccccc-ddddddd", "Bearer sk-test"])
def test_without_a_valid_helicone_key_nothing_reaches_the_provider(transport, header):
    before = sum(hits().values())
    client = openai.OpenAI(
        base_url=gateway("app1"), api_key="sk-test", max_retries=0, http_client=transport,
        default_headers={"Helicone-Auth": header} if header else {},
    )  # fmt: skip
    with pytest.raises(openai.AuthenticationError) as refused:
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    assert refused.value.body["code"] == "invalid_api_key"
    assert sum(hits().values()) == before
