"""Comparing version texts as Docker and Compose print them (`20.10.24+dfsg1`, `v2.24.4`)."""

from __future__ import annotations

import re


def at_least(version: str | None, minimum: str) -> bool:
    """Return whether `version` is `minimum` or newer; None (nothing there) is older than anything."""
    return version is not None and _numbers(version) >= _numbers(minimum)


def _numbers(version: str) -> list[int]:
    match = re.match(r"v?(\d+(?:\.\d+)*)", version)
    numbers = [int(part) for part in match.group(1).split(".")] if match else []
    while numbers and numbers[-1] == 0:  # 2.24 is 2.24.0
        numbers.pop()
    return numbers
