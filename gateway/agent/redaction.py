"""Hiding secret values in what the agent reports."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "[redacted]"
SHORTEST = 4  # a shorter value would hide half of every text, and no secret is that short
SHORTEST_ENCODED = 8  # characters of base64; less says too little of a secret, and is found in any text


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets, in whichever of their `forms` they stand there."""
    return hider(secrets)(text)


def hider(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that does to many texts what `hide` does to one."""
    found = sorted({form for secret in secrets for form in forms(secret)}, key=len, reverse=True)

    def hidden(text: str) -> str:
        for form in found:
            text = text.replace(form, HIDDEN)
        return text

    return hidden


def forms(secret: str) -> set[str]:
    """Return the texts that a secret may show as: itself and its lines, URL-encoded, as JSON, and in base64.

    In base64 it may stand inside something longer (`user:secret`), at any of three alignments: of those
    the part that depends on the secret alone.
    """
    if len(secret) < SHORTEST:
        return set()
    plain = {secret, *secret.splitlines(), quote(secret, safe=""), quote(secret), quote_plus(secret)}
    plain |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], secret.replace("$", "$$")}
    encoded = set()
    raw = secret.encode("utf-8", errors="surrogateescape")
    for shift in range(3):
        core = base64.b64encode(b"\0" * shift + raw)[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6].decode()
        encoded |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in plain if len(form) >= SHORTEST} | {one for one in encoded if len(one) >= SHORTEST_ENCODED}
