"""How many examples the property tests try: few in the normal suite, `FUZZ` times as many by `make fuzz`."""

from __future__ import annotations

import os

FUZZ = int(os.environ.get("FUZZ", "1"))


def examples(count: int) -> int:
    """Return how many examples to try where the normal suite tries `count`."""
    return count * FUZZ
