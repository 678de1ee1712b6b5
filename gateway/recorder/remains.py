"""What stays of an answer whose content is to go: what jawn reads model, tokens and price from, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_WHOLE = ("id", "object", "type", "model", "usage", "input_tokens", "prompt_token_count", "generation_token_count")
_INSIDE = ("message", "response", "x_groq")  # where Anthropic's streams, the responses API and Groq have these
# Whether an error came, and that there were choices or a delta, decides how jawn reads a stream.
_EMPTIED = {"error": dict, "choices": list, "delta": dict}
_TELLS_NOTHING = frozenset({"id", "object", "type", "choices", "delta"})


def remains_of(parsed: object, inside: tuple[str, ...] = _INSIDE) -> dict[str, Any]:
    """Return what stays of an answer in JSON, or of one event of a stream; nothing of what is no object.

    Looked into are the fields called `inside`.
    """
    if not isinstance(parsed, dict):
        return {}
    kept = {name: parsed[name] for name in _WHOLE if name in parsed}
    kept |= {name: remains_of(parsed[name], ()) for name in inside if isinstance(parsed.get(name), dict)}
    kept |= {name: kind() for name, kind in _EMPTIED.items() if isinstance(parsed.get(name), kind)}
    if isinstance(parsed.get("output"), list):  # of which jawn counts the web searches
        kept["output"] = [{"type": item.get("type")} for item in parsed["output"] if isinstance(item, dict)]
    return kept


def remains_of_stream(events: Iterable[object]) -> str:
    """Return what stays of a stream, as one: empty when none of its events tells anything."""
    lines: list[str] = []
    for event in events:
        kept = remains_of(event)
        line = f"data: {json.dumps(kept)}\n\n"
        if kept.keys() - _TELLS_NOTHING and lines[-1:] != [line]:
            lines.append(line)
    return "".join([*lines, "data: [DONE]\n\n"]) if lines else ""
