"""Every command line that is seen while something runs, here and on the hosts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def command_lines() -> Iterator[set[str]]:
    """Fill a set with the command lines of all processes: those of the hosts are processes of this machine too."""
    seen: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        """Read them again and again."""
        while not stop.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().decode(errors="replace"))
                except OSError:
                    continue
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()
