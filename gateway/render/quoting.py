"""Values into `.env` and into compose files: the one place that knows both sets of rules.

Both functions are tested by writing hostile values and reading them back through the real Compose.
"""

from __future__ import annotations

import json

from gateway.errors import ConfigurationError

_ENV_ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quote_env(value: str) -> str:
    r"""Return `value` as Compose reads it back from a `.env` file, on one line and in double quotes.

    Between double quotes Compose interpolates `$` and resolves `\\`, `\"`, `\$`, `\n`, `\r` and
    `\t`. Single quotes are no choice: Compose cannot escape one inside them. Raises
    ConfigurationError for a NUL byte, which no environment variable can hold.
    """
    _refuse_nul(value)
    return '"' + "".join(_ENV_ESCAPES.get(character, character) for character in value) + '"'


def quote_compose(value: str) -> str:
    """Return `value` as a YAML scalar of a compose file, safe from interpolation.

    YAML's double-quoted form takes JSON's escapes; `$$` is Compose's own escape for `$`. Raises
    ConfigurationError for a NUL byte.
    """
    _refuse_nul(value)
    text = json.dumps(value.replace("$", "$$"), ensure_ascii=False)
    # YAML takes these as line breaks or not at all, JSON as they are.
    return "".join(f"\\u{ord(one):04x}" if _unprintable(one) else one for one in text)


def environment_text(value: str | float | bool) -> str:
    """Return a variable's value as the text that a process gets: true and false in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _unprintable(character: str) -> bool:
    return "\x7f" <= character <= "\x9f" or character in "\u2028\u2029\ufeff\ufffe\uffff"


def _refuse_nul(value: str) -> None:
    if "\0" in value:
        raise ConfigurationError(
            "a value holds a NUL byte, which no environment variable can",
            next_step="remove it from the value",
        )
