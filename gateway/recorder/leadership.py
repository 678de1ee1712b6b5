"""Who delivers: of two processes on one spool, the one that holds a lock on a file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

FILE = "leader.lock"


class Leadership:
    """A claim to lead. The kernel ends it with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / FILE
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process leads."""
        return self._descriptor is not None

    def seek(self) -> bool:
        """Lead if nobody else does, and return whether this process leads."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def give_up(self) -> None:
        """Let another process lead."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
