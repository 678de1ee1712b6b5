"""Every pattern of the variables has words for people."""

from __future__ import annotations

from typing import Any

from gateway.inventory.typing_problem import PATTERN_WORDS
from gateway.variables import HostVariables


def patterns_in(schema: Any) -> set[str]:
    """Return every pattern of a value or a name anywhere in a JSON schema."""
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        own |= set(schema.get("patternProperties", ()))  # the names of sections that the inventory names
        return own.union(*(patterns_in(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(patterns_in(value) for value in schema))
    return set()


def test_patterns_have_words() -> None:
    assert patterns_in(HostVariables.model_json_schema()) == set(PATTERN_WORDS)
