"""Lengths of time as people type them: `90s`, `30m`, `24h`, `7d`, `2w`."""

from __future__ import annotations

import re

from gateway.errors import ConfigurationError
from gateway.wording import printable

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FORM = re.compile(r"([0-9]{1,6})([smhdw])")


def seconds_in(text: str, where: str) -> int:
    """Return the seconds that a length of time is. Raises ConfigurationError, which names `where`, for another text."""
    found = _FORM.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise ConfigurationError(
            f"`{printable(text)}` is no length of time", where=where,
            next_step="give a number and s, m, h, d or w, such as 30m, 24h or 7d",
        )  # fmt: skip
    return int(found[1]) * _UNITS[found[2]]
