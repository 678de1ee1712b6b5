"""Envoy's access log, read line by line from where reading stopped, and made smaller as it is read.

Envoy keeps the file open and appends, so it is neither moved nor cut: the blocks that were read are
punched out of it. The file looks ever longer and stays small on disk.
"""

from __future__ import annotations

import ctypes
import json
import os
from dataclasses import dataclass
from pathlib import Path

from . import log

_CHUNK = 1 << 20
_BLOCK = 4096
_KEEP_SIZE_AND_PUNCH = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, linux/falloc.h


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, which its inode tells from one that took its name later."""

    inode: int = 0
    offset: int = 0

    def text(self) -> str:
        """Return the place as it is kept."""
        return json.dumps([self.inode, self.offset])


def place_of(text: str) -> Place:
    """Return a kept place, the beginning when none was kept."""
    return Place(*json.loads(text)) if text else Place()


class AccessLog:
    """The file while it is read; `place` is behind the last line that was returned."""

    def __init__(self, path: Path, place: Place) -> None:
        self._path = path
        self.place = place
        self._descriptor: int | None = None
        self._punches = True
        self._punched = 0

    def lines(self) -> list[tuple[bytes, Place]]:
        """Return the next whole lines, each with the place behind it, an empty list when there are none yet.

        Whoever has not done with all of them sets `place` back.
        """
        if self._descriptor is None and not self._open():
            return []
        chunk = self._read()
        end = chunk.rfind(b"\n") + 1
        if end == 0 and len(chunk) == _CHUNK:
            end = _CHUNK  # no line of Envoy's is that long: whatever this is, it is passed over
        if end == 0:
            self._follow()
            return []
        offset, found = self.place.offset, []
        for line in chunk[:end].split(b"\n"):
            offset += len(line) + 1
            if text := line.replace(b"\0", b""):
                found.append((text, Place(self.place.inode, min(offset, self.place.offset + end))))
        self.place = Place(self.place.inode, self.place.offset + end)
        return found

    def forget(self, place: Place) -> None:
        """Free the disk of what lies before a place, once that is worth a call."""
        end = place.offset - place.offset % _BLOCK
        if self._descriptor is None or not self._punches or place.inode != self.place.inode:
            return
        if end - self._punched >= _CHUNK:
            self._punches = _punch(self._descriptor, self._punched, end - self._punched)
            self._punched = end

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> bool:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except PermissionError:
            self._punches = False
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        self.place = _place_in(descriptor, self.place)
        self._descriptor = descriptor
        self._punched = 0
        return True

    def _read(self) -> bytes:
        """Return what follows the place, the holes before it passed over."""
        descriptor = self._descriptor
        if descriptor is None:
            return b""
        chunk = os.pread(descriptor, _CHUNK, self.place.offset)
        if chunk.startswith(b"\0"):
            try:
                offset = os.lseek(descriptor, self.place.offset, os.SEEK_DATA)
            except OSError:
                return b""  # nothing but a hole up to the end
            self.place = Place(self.place.inode, max(offset, self.place.offset))
            chunk = os.pread(descriptor, _CHUNK, self.place.offset)
        return chunk

    def _follow(self) -> None:
        """At the end of the file, look whether another one has its name now, or somebody has cut it."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return
        if now.st_ino != self.place.inode or now.st_size < self.place.offset:
            self.close()
            self.place = Place(now.st_ino, 0)


def _place_in(descriptor: int, place: Place) -> Place:
    """Return where reading goes on in a file: at the place, unless the file is another one or has lost its end.

    The place is synced and what Envoy writes is not: in a power cut lines are lost that were read already. Those that
    are left were read as well, and more may have come behind them; its files are found without its lines.
    """
    found = os.fstat(descriptor)
    if found.st_ino != place.inode:
        return Place(found.st_ino, 0)
    offset = min(place.offset, found.st_size)
    if offset == place.offset:
        if offset == 0 or os.pread(descriptor, 1, offset - 1) in {b"\n", b"\0"}:
            return place
        offset += os.pread(descriptor, _CHUNK, offset).find(b"\n") + 1
    log.say("warning", "the access log lost lines that were read, as in a power cut", was=place.offset, now=offset)
    return Place(place.inode, offset)


def _punch(descriptor: int, offset: int, length: int) -> bool:
    """Free a part of a file, and return False where the filesystem cannot."""
    library = ctypes.CDLL(None, use_errno=True)
    fallocate = library.fallocate
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    if fallocate(descriptor, _KEEP_SIZE_AND_PUNCH, offset, length) == 0:
        return True
    log.say("warning", f"the access log keeps growing: {os.strerror(ctypes.get_errno())}")
    return False
