"""The files in memory that the gateway writes of what passes: a folder for each Envoy, a file for each exchange.

An Envoy holds a lock on its folder for as long as it lives. What it leaves behind has no line in the
access log: of those exchanges nothing more is to come.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# Envoy ends what is silent for 900 s (stream_idle_timeout): whatever was seen unchanged for longer, no line will come
# for. Both go by the same clock, which nobody sets and which stands still while the machine sleeps.
_SILENT_SECONDS = 1200
_CHUNK = 1 << 18
_NAME = re.compile(r"[0-9a-f-]{36}/[0-9a-f-]{36}")


_Seen = tuple[int, int, float]  # when a file was last written and its size, and since when both are known


class Mirror:
    """The files; every name is `<folder>/<file>`, as the access log says it."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, None when it is not there or the name is none of a file here."""
        if not _NAME.fullmatch(name):
            return None
        try:
            descriptor = os.open(f"{self._folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            parts = []
            while part := os.read(descriptor, _CHUNK):
                parts.append(part)
                if len(part) < _CHUNK:
                    break
            return b"".join(parts)
        finally:
            os.close(descriptor)

    def remove(self, names: list[str]) -> None:
        """Remove files that were read, whoever else may have done so already."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._folder}/{name}")  # noqa: PTH108 - paths cost more than the removal

    def gone(self) -> set[Path]:
        """Return the folders whose Envoys have ended: all that they were to say is in the log."""
        return {folder for folder in self._folders() if _is_gone(folder)}

    def left(self, gone: set[Path]) -> Iterator[tuple[str, float]]:
        """Yield the files that no line will come for, each with the time of its last byte.

        `gone` are the folders whose Envoys had ended before the log was read to its end; they are removed once
        they are empty. What an Envoy that lives has left silent is found by looking again and again.
        """
        seen: dict[str, _Seen] = {}
        for folder in self._folders():
            with os.scandir(folder) as files:
                for file in files:
                    name = f"{folder.name}/{file.name}"
                    with contextlib.suppress(FileNotFoundError):
                        found = file.stat()
                        if _NAME.fullmatch(name) and (folder in gone or self._is_silent(name, found, seen)):
                            yield name, found.st_mtime
            if folder in gone:
                with contextlib.suppress(OSError):  # there is something in it
                    folder.rmdir()
        self._seen = seen

    def room(self) -> dict[str, int]:
        """Return how much of the memory is taken, and its bound, in bytes."""
        try:
            found = os.statvfs(self._folder)
        except FileNotFoundError:
            return {"mirror_bytes": 0, "mirror_limit": 0}
        return {
            "mirror_bytes": (found.f_blocks - found.f_bfree) * found.f_frsize,
            "mirror_limit": found.f_blocks * found.f_frsize,
        }

    def _is_silent(self, name: str, found: os.stat_result, seen: dict[str, _Seen]) -> bool:
        """Note a file among those that are `seen` now, and tell whether it has been the same for too long."""
        now = self._clock()
        written, size, since = self._seen.get(name, (0, 0, now))
        if (written, size) != (found.st_mtime_ns, found.st_size):
            since = now
        seen[name] = (found.st_mtime_ns, found.st_size, since)
        return now - since > _SILENT_SECONDS

    def _folders(self) -> list[Path]:
        try:
            return [path for path in self._folder.iterdir() if not path.name.startswith(".")]
        except FileNotFoundError:
            return []


def _is_gone(folder: Path) -> bool:
    """Tell whether the Envoy that writes into a folder has ended."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
