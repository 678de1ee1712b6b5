"""What a benchmark is doing, for whoever waits."""

from __future__ import annotations

import time

BEGAN = time.monotonic()


def say(text: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"{time.monotonic() - BEGAN:7.1f} s  {text}", flush=True)
