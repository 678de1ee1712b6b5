"""What the stand-in provider says: a fixed sentence, with token counts that follow from the texts alone."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

SENTENCE = "This answer comes from the lab's STAND-IN provider."
Body = dict[str, Any]


def tokens(value: object) -> int:
    """Return a token count for a text or a structure: one per four characters, at least one."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return max(1, len(text) // 4)


def usage(body: Body) -> Body:
    """Return OpenAI's usage object for a request."""
    prompt, completion = tokens(body.get("messages", body.get("prompt", ""))), tokens(SENTENCE)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def completion(body: Body) -> Body:
    """Return a chat completion; a request with tools is answered with a call of the first one."""
    message: Body = {"role": "assistant", "content": SENTENCE}
    reason = "stop"
    if body.get("tools"):
        function = body["tools"][0]["function"]["name"]
        call = {"id": "call_lab", "type": "function", "function": {"name": function, "arguments": "{}"}}
        message, reason = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    return {
        **_head("chat.completion", body),
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": usage(body),
    }


def chunks(body: Body) -> list[Body]:
    """Return the events of a streamed chat completion, usage last if it was asked for."""
    head = _head("chat.completion.chunk", body)
    events = [
        {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}]}
        for word in SENTENCE.split(" ")
    ]
    for event in events[1:]:
        event["choices"][0]["delta"]["content"] = " " + event["choices"][0]["delta"]["content"]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append({**head, "choices": [], "usage": usage(body)})
    return events


def text_completion(body: Body) -> Body:
    """Return an answer of the older completions API."""
    choice = {"index": 0, "text": SENTENCE, "finish_reason": "stop", "logprobs": None}
    return {**_head("text_completion", body), "choices": [choice], "usage": usage(body)}


def embeddings(body: Body) -> Body:
    """Return one small vector per input."""
    inputs = body["input"] if isinstance(body.get("input"), list) else [body.get("input", "")]
    vectors = [{"object": "embedding", "index": i, "embedding": [0.25, 0.5, 0.75]} for i, _ in enumerate(inputs)]
    count = tokens(inputs)
    return {
        "object": "list", "data": vectors, "model": body.get("model", ""),
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }  # fmt: skip


def anthropic_message(body: Body) -> Body:
    """Return an answer of Anthropic's messages API."""
    return {
        "id": f"msg_{uuid.uuid4().hex[:24]}", "type": "message", "role": "assistant", "model": body.get("model", ""),
        "content": [{"type": "text", "text": SENTENCE}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": tokens(body.get("messages", "")), "output_tokens": tokens(SENTENCE)},
    }  # fmt: skip


def anthropic_events(body: Body) -> list[Body]:
    """Return the events of a streamed message."""
    message = anthropic_message(body)
    start = {**message, "content": [], "stop_reason": None}
    words = [SENTENCE[:20], SENTENCE[20:]]
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *[{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}} for w in words],
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": message["usage"]},
        {"type": "message_stop"},
    ]


def error(status: int, message: str) -> Body:
    """Return an error in OpenAI's shape."""
    kinds = {400: "invalid_request_error", 401: "invalid_request_error", 429: "rate_limit_error"}
    return {"error": {"message": message, "type": kinds.get(status, "server_error"), "param": None, "code": None}}


def _head(kind: str, body: Body) -> Body:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex[:24]}", "object": kind, "created": int(time.time()),
        "model": body.get("model", ""), "system_fingerprint": "STAND-IN",
    }  # fmt: skip
