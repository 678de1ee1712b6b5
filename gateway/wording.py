"""Small helpers for the words of error messages."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 60


def printable(text: str, longest: int = _LONGEST) -> str:
    """Return `text` as one short line that is safe on a terminal: what was typed may hold anything."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= longest else f"{shown[:longest]}..."


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that is written most like `name`, or None."""
    found = difflib.get_close_matches(name, list(known), 1)
    return found[0] if found else None


def did_you_mean(nearest: str | None) -> str:
    """Return the words that offer `nearest`, to be put behind a message."""
    return f": did you mean `{nearest}`?" if nearest else ""
