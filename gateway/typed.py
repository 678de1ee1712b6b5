"""What people hand in on standard input: a key, a password, a secret. Nothing of it is ever quoted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from gateway.errors import ConfigurationError

_MARK = "\ufeff"  # that some editors write before a text


def given_text(flag: str) -> str:
    """Return all of standard input, without the line's end. Raises ConfigurationError about `flag` if it is no text."""
    return _read(flag, lambda stream: stream.read())


def given_line(flag: str) -> str:
    """Return the first line of standard input, as `given_text` does all of it."""
    return _read(flag, lambda stream: stream.readline())


def on_a_terminal() -> bool:
    """Tell whether somebody sits at standard input, who can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def _read(flag: str, how: Callable[[TextIO], str]) -> str:
    try:
        text = "" if sys.stdin is None else how(sys.stdin)
        text.encode()  # what a locale made of bytes that it does not know is no text either
    except UnicodeError:
        raise ConfigurationError(
            "what stands on standard input is no UTF-8 text", where=flag, unaffected="nothing was changed",
            next_step="save it as UTF-8; some editors write UTF-16",
        ) from None  # fmt: skip
    return text.removeprefix(_MARK).rstrip("\r\n")
