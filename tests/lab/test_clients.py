"""The official SDKs against the lab's gateway: only the base URL and one header differ from the provider's own."""

from __future__ import annotations

import json
import ssl
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
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

    provider: str
    status: int
    model: str
    prompt_tokens: int
    completion_tokens: int
    properties: dict[str, str]


def row(identifier: str) -> Row:
    """Return a request's only row, waiting for it."""
    query = (
        "SELECT provider, status, model, prompt_tokens, completion_tokens, toJSONString(properties)"
        f" FROM default.request_response_rmt WHERE request_id = '{identifier}'"
    )
    for _ in range(240):
        lines = clickhouse(query)
        if lines:
            assert len(lines) == 1, lines
            provider, status, model, prompt, completion, properties = lines[0].split("\t")
            return Row(provider, int(status), model, int(prompt), int(completion), json.loads(properties))
        time.sleep(0.5)
    raise AssertionError(f"{identifier} is not in the store after two minutes")


def hits() -> dict[str, int]:
    """Return how often each provider was asked."""
    found: dict[str, int] = json.loads(http("GET", f"{PROVIDER}/lab/hits")[2])["providers"]
    return found


@contextmanager
def asked_once(provider: str) -> Iterator[None]:
    """Assert that what happens inside asks this provider once, and no other."""
    before = hits()
    yield
    after = hits()
    assert {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)} == {
        provider: 1
    }


def check(identifier: str, provider: str, status: int, model: str, tokens: tuple[int, int]) -> Row:
    """Assert what the store says of a request, tokens of the prompt first, and return its row."""
    found = row(identifier)
    assert (found.provider, found.status, found.model) == (provider.upper(), status, model)
    assert (found.prompt_tokens, found.completion_tokens) == tokens
    return found


def tokens_of(usage: openai.types.CompletionUsage | None) -> tuple[int, int]:
    """Return the tokens that an answer told its client of."""
    assert usage
    assert usage.prompt_tokens > 0 < usage.completion_tokens
    return usage.prompt_tokens, usage.completion_tokens


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
    identifier, headers = marked()
    with asked_once(KEYS[key]):
        answer = client.chat.completions.create(model="Qwen/Qwen3-32B", messages=MESSAGES, extra_headers=headers)
    assert "STAND-IN" in answer.choices[0].message.content
    found = check(identifier, KEYS[key], 200, "Qwen/Qwen3-32B", tokens_of(answer.usage))
    assert found.properties["test"] == "clients"


def test_a_stream(client, key):
    identifier, headers = marked()
    with asked_once(KEYS[key]):
        stream = client.chat.completions.create(
            model="gpt-4o-mini", messages=MESSAGES, stream=True, stream_options={"include_usage": True},
            extra_headers=headers,
        )  # fmt: skip
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "STAND-IN" in text
    check(identifier, KEYS[key], 200, "gpt-4o-mini", tokens_of(chunks[-1].usage))


def test_tools(client, key):
    identifier, headers = marked()
    with asked_once(KEYS[key]):
        answer = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=TOOLS, extra_headers=headers)
    assert answer.choices[0].message.tool_calls[0].function.name == "weather"
    check(identifier, KEYS[key], 200, "gpt-4o", tokens_of(answer.usage))


def test_embeddings(client, key):
    identifier, headers = marked()
    with asked_once(KEYS[key]):
        answer = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], extra_headers=headers)
    assert len(answer.data) == 2
    check(identifier, KEYS[key], 200, "text-embedding-3-small", (answer.usage.prompt_tokens, 0))


def test_models_and_files_pass_and_say_that_they_are_not_recorded(client):
    answer = client.models.with_raw_response.list()
    assert answer.headers["helicone-recorded"] == "no"
    assert [model.id for model in answer.parse()]
    uploaded = client.files.create(file=("lines.jsonl", b'{"a": 1}\n' * 1000), purpose="batch")
    assert uploaded.bytes == 9000
    assert uploaded.id in [file.id for file in client.files.list()]
    assert client.files.content(uploaded.id).read() == b'{"a": 1}\n' * 1000
    assert client.files.delete(uploaded.id).deleted


def test_an_error_of_the_provider_reaches_the_client_and_the_record(client, key):
    identifier, headers = marked()
    with asked_once(KEYS[key]), pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="error-429", messages=MESSAGES, extra_headers=headers)
    found = row(identifier)
    assert (found.provider, found.status) == (KEYS[key].upper(), 429)


@pytest.mark.parametrize("streamed", [False, True])
def test_the_anthropic_sdk_on_its_route(transport, streamed):
    identifier, headers = marked()
    client = anthropic.Anthropic(
        base_url=gateway("app1").removesuffix("/v1") + "/anthropic", api_key="sk-ant-lab", max_retries=0,
        http_client=anthropic.DefaultHttpxClient(verify=ssl.create_default_context(cadata=authorities())),
        default_headers={"Helicone-Auth": f"Bearer {secret('helicone_api_key')}"},
    )  # fmt: skip
    asked = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": MESSAGES, "extra_headers": headers}
    with asked_once("anthropic"):
        if streamed:
            with client.messages.stream(**asked) as stream:
                answer = stream.get_final_message()
        else:
            answer = client.messages.create(**asked)
    assert "STAND-IN" in answer.content[0].text
    tokens = answer.usage.input_tokens, answer.usage.output_tokens
    assert min(tokens) > 0
    check(identifier, "anthropic", 200, "claude-haiku-4-5", tokens)


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
