"""What the provider's stand-in says: its streams add up to its plain answers, with the same token counts."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

IMAGE = Path(__file__).resolve().parents[3] / "lab" / "images" / "provider"
MODELS = ["gpt-4o-mini", "stream-3", "size-40", "size-0"]
ASKED = [{"role": "user", "content": "How long is a piece of string?"}]


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(IMAGE))
    return {name: importlib.import_module(name) for name in ("answers", "anthropic_answers", "response_answers")}


@pytest.mark.parametrize("model", MODELS)
def test_a_streamed_completion_says_what_a_plain_one_says(modules: dict[str, Any], model: str) -> None:
    body = {"model": model, "messages": ASKED, "stream_options": {"include_usage": True}}
    plain, events = modules["answers"].completion(body), modules["answers"].chunks(body)
    text = "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"])
    assert text == plain["choices"][0]["message"]["content"]
    assert events[-1]["usage"] == plain["usage"]


@pytest.mark.parametrize("model", MODELS)
def test_a_streamed_message_and_response_say_what_plain_ones_say(modules: dict[str, Any], model: str) -> None:
    body = {"model": model, "messages": ASKED, "input": "x"}
    plain, events = modules["anthropic_answers"].message(body), modules["anthropic_answers"].events(body)
    deltas = [event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta"]
    assert "".join(deltas) == plain["content"][0]["text"]
    assert events[-2]["usage"]["output_tokens"] == plain["usage"]["output_tokens"]
    events = modules["response_answers"].response_events(body)
    whole = events[-1]["response"]
    assert "".join(event.get("delta", "") for event in events) == whole["output"][0]["content"][0]["text"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_a_streamed_tool_call_is_put_together_to_the_plain_one(modules: dict[str, Any]) -> None:
    body = {"model": "m", "tools": [{"type": "function", "function": {"name": "look"}}]}
    plain = modules["answers"].completion(body)["choices"][0]
    deltas = [event["choices"][0] for event in modules["answers"].chunks(body)]
    parts = [part["function"] for delta in deltas for part in delta["delta"].get("tool_calls", [])]
    assert parts[0]["name"] == plain["message"]["tool_calls"][0]["function"]["name"] == "look"
    assert "".join(part["arguments"] for part in parts) == "{}"
    assert deltas[-1]["finish_reason"] == plain["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("kilobytes", [1, 7, 100])
def test_a_large_answer_has_the_size_that_was_asked_for(modules: dict[str, Any], kilobytes: int) -> None:
    assert len(modules["answers"].said({"model": f"size-{kilobytes}"})) == kilobytes * 1024


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("slow-500", ("slow", 500)),
        ("cut-0", ("cut", 0)),
        ("gpt-4o-mini", ("", 0)),
        ("error-", ("", 0)),
        (None, ("", 0)),
    ],
)
def test_only_a_word_and_a_number_steer(modules: dict[str, Any], model: Any, expected: tuple[str, int]) -> None:
    assert modules["answers"].steered({"model": model}) == expected


def test_errors_have_the_shape_of_their_provider(modules: dict[str, Any]) -> None:
    assert set(modules["answers"].error(401, "x")["error"]) == {"message", "type", "param", "code"}
    assert modules["anthropic_answers"].error(401, "x")["error"]["type"] == "authentication_error"
    assert json.dumps(modules["anthropic_answers"].error(529, "x")).startswith('{"type": "error"')
