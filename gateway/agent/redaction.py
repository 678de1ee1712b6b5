"""Hiding secret values in what the agent reports."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "[redacted]"
SHORTEST = 4  # a shorter value would hide half of every text, and no secret is that short


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets: as they are, URL-encoded, and line by line where they have several."""
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), *secret.splitlines())}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= SHORTEST:
            text = text.replace(form, HIDDEN)
    return text
