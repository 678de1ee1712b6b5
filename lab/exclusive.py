"""One lab command at a time: a second one waits for the first."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.progress import Reporter


@contextmanager
def exclusive(lock: Path, reporter: Reporter) -> Iterator[None]:
    """Hold a lock file while the block runs; say so when another command holds it, and wait.

    The kernel frees the lock when its owner ends, however it ends.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reporter.title("waiting for another lab command to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
