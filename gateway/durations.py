"""Lengths of time as people type them: `90s`, `30m`, `24h`, `7d`, `2w`."""

from __future__ import annotations

import re

from gateway.errors import ConfigurationError
from gateway.wording import printable

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MOST = 3650 * _UNITS["d"]  # what stores and Docker can still subtract from now
_FORM = re.compile(r"([0-9]{1,6})([smhdw])")


def seconds_in(text: str, where: str) -> int:
    """Return the seconds that a length of time is. Raises ConfigurationError, which names `where`, for another text."""
    found = _FORM.fullmatch(text.strip())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _MOST:
        raise ConfigurationError(
            f"`{printable(text)}` is no length of time", where=where,
            next_step="give a number and s, m, h, d or w, such as 30m, 24h or 7d; ten years at most",
        )  # fmt: skip
    return seconds
