"""What pydantic finds wrong with a host's variables, as one sentence with file and line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gateway.errors import ConfigurationError
from gateway.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import ValidationError

    from gateway.inventory.layers import Leaf

# What each pattern of gateway/variables.py asks for.
PATTERN_WORDS = {
    r"^[0-9]+[mg]$": "an amount of memory such as 512m or 2g",
    r"^[0-9]+[kmg]$": "a size such as 10m",
    r"^https?://[^/:\s@?#][^/\s@?#]*(/[^\s?#]*)?/v[0-9]+$": "a URL that ends in a version, such as https://api.openai.com/v1",
    r"^[^@\s]+@[^@\s]+$": "an e-mail address",
    r"^age1[0-9a-z]+$": "the public key of an age identity, age1...",
    r"^[A-Za-z0-9._-]*$": "the beginning of a key: letters, digits and . _ -",
    r"^[a-z][a-z0-9-]{0,31}$": "a name of lower-case letters, digits and -, which begins with a letter",
    r"^[0-9a-fA-F.:]+/[0-9]{1,3}$": "a network such as 10.0.0.0/8",
    r"^[1-9][0-9]{0,4}/(tcp|udp)$": "a port and its protocol, such as 9100/tcp",
    r"^[A-Za-z0-9._-]{1,15}$": "the name of an interface, such as wg0",
    r"^[A-Za-z0-9.:-]+$": "a host name or an address",
    r"^https://[^\s]+$": "an https:// URL",
    r"^/[^\s:]*[^\s/:]$": "an absolute path without spaces or colons and without a slash at the end",
    r"^(|(/|sftp:|s3:)[^\s]+)$": "a folder /..., sftp:user@host:/path, s3:https://host/bucket/path, or empty",
    r"^(|([01][0-9]|2[0-3]):[0-5][0-9])$": 'a time of the day in quotes, such as "03:30", or empty',
    r"^/[^\s]*[^\s/]$": "an absolute path without spaces and without a slash at the end",
}
_TYPE_WORDS = (
    ("int", "a whole number"),
    ("float", "a number"),
    ("bool", "true or false"),
    ("string_too_short", "a text that is not empty"),
    ("string", "a text; put numbers, yes and no in quotes"),
    ("list", "a list"),
    ("dict", "a mapping"),
    ("model", "a section with keys below it"),
    ("finite", "a finite number"),
)
_LIMIT_WORDS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "greater_than": ("gt", "more than"),
    "less_than": ("lt", "less than"),
}


def describe_invalid(
    error: ValidationError, host: str, environment: Path, leaves: Mapping[str, Leaf]
) -> ConfigurationError:
    """Return the ConfigurationError that says what is wrong with `host`.

    `leaves` are what was validated, `environment` the folder of the inventory relative to the root.
    A wrong value goes before a missing one: it was written by somebody.
    """
    problems = error.errors(include_url=False, include_context=True)
    wrong = [problem for problem in problems if problem["type"] != "missing"]
    if not wrong:
        return _missing(".".join(str(step) for step in problems[0]["loc"]), host, environment)
    problem = wrong[0]
    key = _key_at(problem["loc"], leaves)
    expected = _expected([item for item in wrong if _key_at(item["loc"], leaves) == key])
    leaf = leaves.get(key) or next((one for name, one in leaves.items() if name.startswith(f"{key}.")), None)
    return ConfigurationError(
        f"`{printable(key)}` must be {expected}, not {_given(problem['input'])}",
        where=str(leaf.origin) if leaf else str(environment),
        next_step=f"found for host `{host}`; correct it there",
    )


def _missing(key: str, host: str, environment: Path) -> ConfigurationError:
    """Return the error for a `key` that no layer sets for `host`."""
    return ConfigurationError(
        f"host `{host}` has no value for `{key}`",
        where=str(environment),
        next_step=f"set `{key}` in {environment}/group_vars/all.yml for all hosts, "
        f"or in {environment}/host_vars/{host}.yml for this one",
    )


def _key_at(location: tuple[int | str, ...], leaves: Mapping[str, Leaf]) -> str:
    """Return the longest start of `location` that is the key of a leaf, else all its words.

    A name that the inventory gave and that is no good is followed by pydantic's mark `[key]`.
    """
    words = [str(step) for step in location if step != "[key]"]
    for length in range(len(words), 0, -1):
        key = ".".join(words[:length])
        if key in leaves:
            return key
    return ".".join(words)


def _expected(problems: list[Any]) -> str:
    """Return what one value should have been, in words, from all that pydantic says about it."""
    if len(problems) > 1:
        return "a text, a number, true or false"  # a union, as in the free environment variables
    kind, context = problems[0]["type"], problems[0].get("ctx", {})
    if kind == "string_pattern_mismatch":
        return PATTERN_WORDS.get(context["pattern"], f"a text that matches {context['pattern']}")
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "`")
    if kind in _LIMIT_WORDS:
        bound, words = _LIMIT_WORDS[kind]
        return f"{words} {context[bound]}"
    return next((words for start, words in _TYPE_WORDS if kind.startswith(start)), "something else")


def _given(value: Any) -> str:
    """Return what was given, short, and without the user and password of a URL."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return printable(re.sub(r"//[^/@\s]*@", "//...@", json.dumps(value, ensure_ascii=False)))
