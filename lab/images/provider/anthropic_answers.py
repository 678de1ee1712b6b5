"""What the stand-in says in Anthropic's shapes: messages, their events, token counts, models and errors."""

from __future__ import annotations

from answers import Body, identifier, pieces, said, tokens

MODELS = ("claude-3-5-sonnet-20241022", "claude-3-5-haiku-20241022")


def message(body: Body) -> Body:
    """Return an answer of the messages API; a request with tools is answered with a use of the first one."""
    content: Body = {"type": "text", "text": said(body)}
    if body.get("tools"):
        content = {"type": "tool_use", "id": "toolu_lab", "name": body["tools"][0]["name"], "input": {}}
    return {
        "id": identifier("msg_"), "type": "message", "role": "assistant", "model": body.get("model", ""),
        "content": [content], "stop_reason": "tool_use" if body.get("tools") else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": tokens(body.get("messages", "")), "output_tokens": tokens(said(body))},
    }  # fmt: skip


def events(body: Body) -> list[Body]:
    """Return the events of a streamed message."""
    whole = message(body)
    block = whole["content"][0]
    if block["type"] == "tool_use":
        deltas = [{"type": "input_json_delta", "partial_json": letter} for letter in "{}"]
    else:
        block = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(body)]
    start = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": whole["usage"]["output_tokens"]}},
        {"type": "message_stop"},
    ]


def token_count(body: Body) -> Body:
    """Return how many tokens a message would be."""
    return {"input_tokens": tokens(body.get("messages", ""))}


def models(wanted: str | None) -> Body | None:
    """Return the list of models, or the wanted one; None when there is none of that name."""
    entries = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2024-10-22T00:00:00Z"} for name in MODELS
    ]
    if wanted is None:
        return {"data": entries, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
    return next((entry for entry in entries if entry["id"] == wanted), None)


def error(status: int, text: str) -> Body:
    """Return an error in Anthropic's shape."""
    kinds = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": text}}
