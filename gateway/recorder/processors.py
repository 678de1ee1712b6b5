"""How much of this machine's processors nobody uses, read from the kernel's own account."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

_ACCOUNT = Path("/proc/stat")  # of the whole machine, in a container too
_EVERY = 1.0  # seconds; the account moves in hundredths


class Processors:
    """Keeps the share that was idle between the last two looks, which are a second or more apart."""

    def __init__(self, account: Path = _ACCOUNT, clock: Callable[[], float] = time.monotonic) -> None:
        self._account = account
        self._clock = clock
        self._looked = clock()
        self._idle, self._all = self._read()
        self._share = 1.0

    def idle(self) -> float:
        """Return the share, from 0 to 1. What cannot be read counts as idle."""
        now = self._clock()
        if now - self._looked >= _EVERY:
            self._looked = now
            idle, everything = self._read()
            passed = everything - self._all
            self._share = (idle - self._idle) / passed if passed else 1.0
            self._idle, self._all = idle, everything
        return self._share

    def _read(self) -> tuple[int, int]:
        """Return the ticks spent idle or waiting for a disk, and all ticks; see proc_stat(5)."""
        try:
            ticks = [int(text) for text in self._account.read_text().partition("\n")[0].split()[1:9]]
            return ticks[3] + ticks[4], sum(ticks)
        except (OSError, ValueError, IndexError):
            return 0, 0
