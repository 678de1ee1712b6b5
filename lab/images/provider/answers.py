"""What the stand-in says in OpenAI's shapes: a fixed sentence, with token counts that follow from the texts alone."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

SENTENCE = "This answer comes from the lab's STAND-IN provider."
LETTERS_AN_EVENT = 16 << 10
Body = dict[str, Any]


def tokens(value: object) -> int:
    """Return a token count for a text or a structure: one per four characters, at least one."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return max(1, len(text) // 4)


def steered(body: Body) -> tuple[str, int]:
    """Return what the model's name asks for and its number, as in `slow-500`; nothing is an empty word."""
    kind, _, number = str(body.get("model", "")).partition("-")
    return (kind, int(number)) if number.isdigit() and number.isascii() else ("", 0)


def said(body: Body) -> str:
    """Return the text of an answer: the sentence, or as many kilobytes or half seconds of it as the model's name says."""
    kind, number = steered(body)
    if kind == "size":
        return (SENTENCE + " ") * (number * 1024 // (len(SENTENCE) + 1)) + "." * (number * 1024 % (len(SENTENCE) + 1))
    if kind == "stream":
        return " ".join(f"word-{count}" for count in range(max(1, number * 2)))
    return SENTENCE


def pieces(body: Body) -> list[str]:
    """Return the same text as the parts of a stream: words, or large parts of a large answer."""
    text = said(body)
    if steered(body)[0] == "size":
        return [text[start : start + LETTERS_AN_EVENT] for start in range(0, len(text), LETTERS_AN_EVENT)] or [""]
    first, *rest = text.split(" ")
    return [first, *(f" {word}" for word in rest)]


def usage(body: Body) -> Body:
    """Return OpenAI's usage object for a request."""
    prompt, completion = tokens(body.get("messages", body.get("prompt", ""))), tokens(said(body))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def completion(body: Body) -> Body:
    """Return a chat completion; a request with tools is answered with a call of the first one."""
    message: Body = {"role": "assistant", "content": said(body)}
    reason = "stop"
    if body.get("tools"):
        message, reason = {"role": "assistant", "content": None, "tool_calls": [_tool_call(body)]}, "tool_calls"
    return {
        **_head("chat.completion", body),
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": usage(body),
    }


def chunks(body: Body) -> list[Body]:
    """Return the events of a streamed chat completion, usage last if it was asked for."""
    head = _head("chat.completion.chunk", body)
    if body.get("tools"):
        call = _tool_call(body)
        named = {**call, "index": 0, "function": {**call["function"], "arguments": ""}}
        deltas = [{"role": "assistant", "content": None, "tool_calls": [named]}]
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": letter}}]} for letter in "{}"]
        reason = "tool_calls"
    else:
        deltas = [{"role": "assistant", "content": piece} for piece in pieces(body)]
        reason = "stop"
    events: list[Body] = [{**head, "choices": [_choice(delta, None)]} for delta in deltas]
    events.append({**head, "choices": [_choice({}, reason)]})
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append({**head, "choices": [], "usage": usage(body)})
    return events


def text_completion(body: Body) -> Body:
    """Return an answer of the older completions API."""
    choice = {"index": 0, "text": said(body), "finish_reason": "stop", "logprobs": None}
    return {**_head("text_completion", body), "choices": [choice], "usage": usage(body)}


def text_chunks(body: Body) -> list[Body]:
    """Return the events of a streamed answer of the older completions API."""
    head = _head("text_completion", body)
    parts = pieces(body)
    return [
        {**head, "choices": [{"index": 0, "text": part, "finish_reason": "stop" if last else None, "logprobs": None}]}
        for part, last in zip(parts, [False] * (len(parts) - 1) + [True], strict=True)
    ]


def embeddings(body: Body) -> Body:
    """Return one small vector per input."""
    inputs = body["input"] if isinstance(body.get("input"), list) else [body.get("input", "")]
    vector = [0.25, 0.5, 0.75]
    if body.get("encoding_format") == "base64":  # what the official SDK asks for: little-endian floats
        vector = "AACAPgAAAD8AAEA/"
    vectors = [{"object": "embedding", "index": index, "embedding": vector} for index, _ in enumerate(inputs)]
    count = tokens(inputs)
    return {
        "object": "list", "data": vectors, "model": body.get("model", ""),
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }  # fmt: skip


def error(status: int, message: str) -> Body:
    """Return an error in OpenAI's shape."""
    kinds = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error"}
    kind = {**kinds, 429: "rate_limit_error"}.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def identifier(prefix: str) -> str:
    """Return a new id with the prefix that OpenAI or Anthropic gives to things of its kind."""
    return f"{prefix}{uuid.uuid4().hex[:24]}"


def _tool_call(body: Body) -> Body:
    return {
        "id": "call_lab",
        "type": "function",
        "function": {"name": body["tools"][0]["function"]["name"], "arguments": "{}"},
    }


def _choice(delta: Body, reason: str | None) -> Body:
    return {"index": 0, "delta": delta, "finish_reason": reason}


def _head(kind: str, body: Body) -> Body:
    return {
        "id": identifier("chatcmpl-"), "object": kind, "created": int(time.time()),
        "model": body.get("model", ""), "system_fingerprint": "STAND-IN",
    }  # fmt: skip
