"""What differs between a row that jawn wrote inline and one that was recorded at the edge, and why.

docs/reference/parity.md explains each under its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.lab.parity_requests import Case

Row = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A column that may differ in a known way: `known` tells for a request and its two rows, inline first."""

    name: str
    column: str
    reason: str
    known: Callable[[Case, Row, Row], bool]


def _foreign(case: Case) -> bool:
    return case.provider not in {"openai", "anthropic"}


DIFFERENCES = (
    Difference(
        "provider",
        "provider",
        "jawn writes the route, OPENAI or ANTHROPIC, whoever answered; the edge knows the provider's name",
        lambda case, inline, edge: _foreign(case) and (inline["provider"], edge["provider"])
        == ("OPENAI", case.provider.upper()),
    ),
    Difference(
        "cost-of-other-providers",
        "cost",
        "jawn prices by provider and model: inline another provider's answer costs what OpenAI would ask for it",
        lambda case, inline, edge: _foreign(case) and edge["cost"] == 0 < inline["cost"],
    ),
    Difference(
        "target-url",
        "target_url",
        "the trace API stores no address",
        lambda case, inline, edge: edge["target_url"] == ""
        and inline["target_url"].startswith("http://127.0.0.1:") and inline["target_url"].endswith(f"/{case.path}"),
    ),
    Difference(
        "response-id",
        "response_id",
        "the trace API gives the answer the request's id, inline it is a random one",
        lambda case, inline, edge: edge["response_id"] == edge["request_id"] != inline["response_id"],
    ),
    Difference(
        "omitted-request-of-a-stream",
        "request_body",
        "the trace API merges a stream only where the stored request says that it is one",
        lambda case, inline, edge: case.streamed and case.has("helicone-omit-request")
        and json.loads(edge["request_body"]) == {**json.loads(inline["request_body"]), "stream": True},
    ),
    Difference(
        "omitted-request-of-a-stream (size)",
        "size_bytes",
        "see above: the word `stream` is counted",
        lambda case, inline, edge: case.streamed and case.has("helicone-omit-request")
        and edge["size_bytes"] - inline["size_bytes"] == len(',"stream":true'),
    ),
    Difference(
        "user-beyond-latin-1",
        "user_id",
        "the trace API takes the user as a header, and headers only hold Latin-1: UTF-8 is read as that",
        lambda case, inline, edge: edge["user_id"] == inline["user_id"].encode().decode("latin-1"),
    ),
)  # fmt: skip

# What the lab cannot show: read in jawn's source, or not stored by the lab's stand-in for it.
UNSEEN = (
    "reasoning-of-streams",
    "models-in-no-old-price-list",
    "prompt-templates",
    "retries",
    "large-bodies",
    "client-gone",
    "bodies-that-are-no-json",
    "model-in-the-path",
    "audio",
    "times",
)
