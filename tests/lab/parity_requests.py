"""The 200 requests that are sent once through jawn and once past it: what each is, and how it is sent."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

Body = dict[str, Any]
AT_ONCE = 6
BEARER = {"openai": "Bearer sk-lab-parity", "modelscope": "Bearer ms-0123456789"}
MESSAGES = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "What is the weather like?"}]
FUNCTION = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
MEGABYTE = 'ab€ "\\\n' * 150_000


@dataclass(frozen=True)
class Case:
    """One request. `id_sent` is "fresh" for a new UUID, empty for none, or something that is none."""

    name: str
    path: str
    body: Body
    provider: str = "openai"
    headers: tuple[tuple[str, bytes], ...] = ()
    id_sent: str = "fresh"
    comma: bool = False
    route: str = ""

    @property
    def streamed(self) -> bool:
        """Whether the answer is asked for as a stream."""
        return self.body.get("stream") is True

    def has(self, name: str) -> bool:
        """Return whether a header is sent."""
        return any(sent == name for sent, _ in self.headers)


@dataclass(frozen=True)
class Sent:
    """How one request went. Times are of the client: seconds since the epoch, and seconds."""

    id: str
    wanted: str
    at: float
    took: float
    status: int
    text: str = field(repr=False)
    broken: bool = False


def _kinds() -> Iterator[Case]:
    """Yield each kind of call that is recorded, plain."""
    chat: Body = {"model": "gpt-4o-mini", "messages": MESSAGES, "temperature": 0.50, "seed": 10**15}
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    tools = {"tools": [{"type": "function", "function": FUNCTION}]}
    respond: Body = {"model": "gpt-4o", "input": "What is the weather like?"}
    yield Case("chat", "chat/completions", chat)
    yield Case("chat-stream", "chat/completions", {**chat, "stream": True})
    yield Case("chat-stream-usage", "chat/completions", {**chat, **usage})
    yield Case("chat-tools", "chat/completions", {**chat, "model": "gpt-4o", **tools})
    yield Case("chat-tools-stream", "chat/completions", {**chat, **tools, **usage})
    yield Case("completions", "completions", {"model": "gpt-4o-mini", "prompt": "Say something."})
    yield Case("completions-stream", "completions", {"model": "gpt-4o-mini", "prompt": "Say it.", "stream": True})
    yield Case("embeddings", "embeddings", {"model": "text-embedding-3-small", "input": ["one", "two"]})
    yield Case("responses", "responses", respond)
    yield Case("responses-stream", "responses", {**respond, "stream": True})
    yield Case("responses-tools", "responses", {**respond, "tools": [{"type": "function", **FUNCTION}]})
    yield Case("moderations", "moderations", {"model": "omni-moderation-latest", "input": ["one", "two"]})
    yield Case("images", "images/generations", {"model": "gpt-image-1", "prompt": "A cat", "n": 2})


def _with(case: Case, name: str, *headers: tuple[str, bytes], body: Body | None = None, **changes: Any) -> Case:
    """Return a call with more headers, with fields of its body replaced or added, or with other changes."""
    merged = {**case.body, **(body or {})}
    return replace(case, name=f"{case.name}/{name}", headers=(*case.headers, *headers), body=merged, **changes)


def _adorned(case: Case) -> Iterator[Case]:
    """Yield a kind of call with everything that Helicone takes out of headers and bodies."""
    property_of = "helicone-property-"
    session = [("helicone-session-id", b"s-1"), ("helicone-session-name", b"Trip"), ("helicone-session-path", b"/a/b")]
    user = ("helicone-user-id", b"header@example.org")
    yield case
    yield _with(case, "properties", (f"{property_of}Env", b"lab"), (f"{property_of}Cost-Centre", b'4711; a="b"'))
    yield _with(case, "property-twice", (f"{property_of}tag", b"one"), (f"{property_of}tag", b"two"),
                (f"{property_of}empty", b""))  # fmt: skip
    yield _with(case, "property-unicode", (f"{property_of}city", "Zürich, 北京".encode()), user)
    yield _with(case, "user-header", user, body={"user": "body@example.org"})
    yield _with(case, "user-body", body={"user": "body@example.org"})
    yield _with(case, "session", *session)
    yield _with(case, "prompt", ("helicone-prompt-id", b"greeting"), (f"{property_of}v", b"2"))
    yield _with(case, "omit-request", ("helicone-omit-request", b"true"), body={"user": "hidden"})
    yield _with(case, "omit-response", ("helicone-omit-response", b"true"))
    yield _with(case, "override", ("helicone-model-override", b"gpt-4o"))
    yield _with(case, "no-id", id_sent="")


def _odd() -> Iterator[Case]:
    """Yield what is worth one request each."""
    chat, stream, *_ = _kinds()
    for kind in (chat, stream):
        for status in (400, 429, 500):
            yield _with(kind, f"error-{status}", body={"model": f"error-{status}"})
        yield _with(kind, "1-MB-request", body={"messages": [{"role": "user", "content": MEGABYTE}]})
        yield _with(kind, "1-MB-answer", body={"model": "size-1000"})
        yield _with(kind, "gzip", ("x-lab-gzip", b"1"), ("accept-encoding", b"gzip"))
        yield _with(kind, "unicode", body={"messages": [{"role": "user", "content": "héllo 你好 😀 \u2028\x00\x7f"}]})
        yield _with(kind, "comma", comma=True)
        yield _with(kind, "id-upper-case", id_sent="UPPER")
        yield _with(kind, "id-of-version-7", id_sent="01930000-0000-7000-8000-000000000000")
        yield _with(kind, "slow", body={"model": "slow-300" if kind.streamed else "slow-1000"})  # between events
        yield _with(kind, "many-properties", *((f"helicone-property-p{n}", b"v" * n) for n in range(1, 31)))
        yield _with(kind, "user-header-empty", ("helicone-user-id", b""), body={"user": "body@example.org"})
        yield _with(kind, "metadata", body={"metadata": {"a": "b"}})
        yield _with(kind, "omit-both", ("helicone-omit-request", b"true"), ("helicone-omit-response", b"true"))
    yield _with(stream, "cut", body={"model": "cut-3"})
    yield _with(chat, "query", path="chat/completions?api-version=1")
    yield _with(chat, "user-number", body={"user": 4711})
    yield _with(chat, "user-latin", body={"user": "Zoë"})
    yield _with(chat, "user-unicode", body={"user": "用户"})
    yield _with(chat, "property-latin", ("helicone-property-city", "Zürich".encode("latin-1")))
    yield _with(chat, "dashscope", provider="dashscope", route="dashscope", body={"model": "qwen-plus"})
    yield _with(chat, "deepseek", provider="deepseek", route="deepseek", body={"model": "deepseek-chat"})


def _anthropic() -> Iterator[Case]:
    """Yield calls of Anthropic's protocol."""
    body: Body = {"model": "claude-3-5-haiku-20241022", "max_tokens": 50, "messages": MESSAGES[1:]}
    tool = {"tools": [{"name": "weather", "input_schema": FUNCTION["parameters"]}]}
    plain = Case("messages", "messages", body, provider="anthropic", route="anthropic")
    for kind in (plain, _with(plain, "stream", body={"stream": True})):
        yield kind
        yield _with(kind, "tools", body=tool)
        yield _with(kind, "omit-request", ("helicone-omit-request", b"true"))
        yield _with(kind, "omit-response", ("helicone-omit-response", b"true"))
        yield _with(kind, "properties", ("helicone-property-env", b"lab"), ("helicone-user-id", b"ann"))
        yield _with(kind, "no-id", id_sent="")
        yield _with(kind, "error-429", body={"model": "error-429"})
    yield _with(plain, "count_tokens", path="messages/count_tokens")


def cases() -> list[Case]:
    """Return all requests, each under a name of its own."""
    kinds = list(_kinds())
    made = [case for kind in kinds[:10] for case in _adorned(kind)]
    made += kinds[10:]
    made += [_with(kind, "modelscope", provider="modelscope") for kind in kinds]
    made += [_with(case, "modelscope", provider="modelscope") for case in list(_adorned(kinds[1]))[1:]]
    made += [*_odd(), *_anthropic()]
    return made


def send(wanted: Sequence[Case], urls: Sequence[str], key: str, authorities: str) -> dict[str, Sent]:
    """Send all requests, a few at once, by turns to the gateways, and return how each went by its name."""
    return asyncio.run(_send(wanted, urls, key, ssl.create_default_context(cadata=authorities)))


async def _send(wanted: Sequence[Case], urls: Sequence[str], key: str, trusted: ssl.SSLContext) -> dict[str, Sent]:
    slots = asyncio.Semaphore(AT_ONCE)
    async with httpx2.AsyncClient(verify=trusted, timeout=60) as client:

        async def one(number: int, case: Case) -> tuple[str, Sent]:
            async with slots:
                return case.name, await _one(client, urls[number % len(urls)], case, key)

        return dict(await asyncio.gather(*(one(number, case) for number, case in enumerate(wanted))))


async def _one(client: httpx2.AsyncClient, url: str, case: Case, key: str) -> Sent:
    """Send one request and read its answer to the end, or to where it breaks off."""
    base = f"{url.removesuffix('/v1')}/{case.route}/v1" if case.route else url
    identifier = {"fresh": str(uuid.uuid4()), "UPPER": str(uuid.uuid4()).upper()}.get(case.id_sent, case.id_sent)
    provider_key = BEARER.get(case.provider, BEARER["openai"])
    headers = [(name.encode(), value) for name, value in case.headers]
    if case.comma:
        headers.append((b"authorization", f"{provider_key}, Bearer {key}".encode()))
    else:
        headers += [(b"authorization", provider_key.encode()), (b"helicone-auth", f"Bearer {key}".encode())]
    if identifier:
        headers.append((b"helicone-request-id", identifier.encode()))
    at, started = time.time(), time.monotonic()
    status, told, content, broken = 0, "", b"", False
    async with client.stream("POST", f"{base}/{case.path}", json=case.body, headers=headers) as answer:
        status, told = answer.status_code, answer.headers.get("helicone-id", "")
        try:
            async for chunk in answer.aiter_bytes():
                content += chunk
        except httpx2.RemoteProtocolError:
            broken = True
    return Sent(told, identifier, at, time.monotonic() - started, status, content.decode(), broken)


_CHANCE = (
    (re.compile(r"\b(chatcmpl-|resp_|msg_|fc_|modr-)[0-9a-f]{24}"), r"\1X"),
    (re.compile(r'("created(?:_at)?":\s?)\d+'), r"\g<1>0"),
)


def without_chance(text: str) -> str:
    """Return an answer's text without the ids and times that the provider made up."""
    for pattern, instead in _CHANCE:
        text = pattern.sub(instead, text)
    return text
