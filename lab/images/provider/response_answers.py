"""What the stand-in says in the shapes of OpenAI's responses API, and of its images, moderations and batches."""

from __future__ import annotations

import time

from answers import Body, identifier, pieces, said, tokens

# One transparent pixel.
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
SOUND = b"ID3\x04\x00" + bytes(range(256)) * 64


def response(body: Body) -> Body:
    """Return an answer of the responses API; a request with tools is answered with a call of the first one."""
    given, answered = tokens(body.get("input", "")), tokens(said(body))
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    return {
        **_response_head(body), "status": "completed", "output": [_item(body, "completed")],
        "usage": {"input_tokens": given, "output_tokens": answered, "total_tokens": given + answered, **details},
    }  # fmt: skip


def response_events(body: Body) -> list[Body]:
    """Return the events of a streamed response, numbered as OpenAI numbers them."""
    whole = response(body)
    item = whole["output"][0]
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    place = {"output_index": 0, "item_id": item["id"]}
    empty = {**item, "status": "in_progress", **({"arguments": ""} if "arguments" in item else {"content": []})}
    if item["type"] == "function_call":
        inner = [
            {"type": "response.function_call_arguments.delta", **place, "delta": "{}"},
            {"type": "response.function_call_arguments.done", **place, "name": item["name"], "arguments": "{}"},
        ]
    else:
        part = item["content"][0]
        place["content_index"] = 0
        inner = [
            {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
            *(
                {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
                for piece in pieces(body)
            ),
            {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []},
            {"type": "response.content_part.done", **place, "part": part},
        ]
    events: list[Body] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        *inner,
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def images(body: Body) -> Body:
    """Return as many images as were asked for, each in base64."""
    count = tokens(body.get("prompt", ""))
    return {
        "created": int(time.time()), "data": [{"b64_json": IMAGE}] * int(body.get("n") or 1),
        "usage": {"input_tokens": count, "output_tokens": 1, "total_tokens": count + 1},
    }  # fmt: skip


def moderation(body: Body) -> Body:
    """Return one verdict per input: nothing is flagged."""
    inputs = body["input"] if isinstance(body.get("input"), list) else [body.get("input", "")]
    verdict = {"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.0}}
    model = body.get("model", "omni-moderation-latest")
    return {"id": identifier("modr-"), "model": model, "results": [verdict] * len(inputs)}


def batch(body: Body) -> Body:
    """Return a new batch, which nobody works on."""
    return {
        "id": identifier("batch_"), "object": "batch", "endpoint": body.get("endpoint", ""), "errors": None,
        "input_file_id": body.get("input_file_id", ""), "completion_window": body.get("completion_window", "24h"),
        "status": "in_progress", "created_at": int(time.time()), "metadata": body.get("metadata"),
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
    }  # fmt: skip


def _response_head(body: Body) -> Body:
    return {
        "id": identifier("resp_"), "object": "response", "created_at": int(time.time()), "error": None,
        "incomplete_details": None, "instructions": body.get("instructions"), "metadata": {},
        "model": body.get("model", ""), "parallel_tool_calls": True, "temperature": 1.0, "top_p": 1.0,
        "tool_choice": "auto", "tools": body.get("tools") or [],
    }  # fmt: skip


def _item(body: Body, status: str) -> Body:
    if body.get("tools"):
        name = body["tools"][0].get("name", "")
        return {
            "type": "function_call", "id": identifier("fc_"), "call_id": "call_lab", "name": name, "arguments": "{}",
            "status": status,
        }  # fmt: skip
    text = {"type": "output_text", "text": said(body), "annotations": [], "logprobs": []}
    return {"type": "message", "id": identifier("msg_"), "role": "assistant", "status": status, "content": [text]}
