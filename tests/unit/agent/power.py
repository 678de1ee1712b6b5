"""Power cuts: a host's disk as it is left when the power goes before any one of its writes, or inside one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.agent.store import Store

_CHANGES = frozenset(["os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.symlink", "os.truncate", "os.link"])
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class PowerCut(BaseException):
    """The power is gone: nothing handles it, and whatever would still write is not carried out either."""


class Supply:
    """The power of one host whose disk is the folder `disk`: it lasts for so many writes, or without `lasts` for all.

    `used` counts the writes.
    """

    def __init__(self, disk: Path, lasts: int | None = None) -> None:
        self.disk = str(disk)
        self.lasts = lasts
        self.used = 0

    def write(self, torn: Callable[[], None] | None = None) -> None:
        """Allow one write, or raise PowerCut; `torn` leaves on the disk what a write that was cut off leaves."""
        if self.lasts is not None and self.used >= self.lasts:
            if torn is not None and self.used == self.lasts:
                self.used += 1  # once; later writes find no power at all
                _without_power(torn)
            raise PowerCut
        self.used += 1

    def sees(self, event: str, arguments: tuple[Any, ...]) -> bool:
        """Tell whether an event of the interpreter (PEP 578) changes the disk."""
        path = arguments[0] if arguments else None
        if not isinstance(path, str | os.PathLike):
            return False
        changes = event in _CHANGES or (event == "open" and bool(arguments[2] & _WRITING))
        name = os.fspath(path)
        return changes and (
            name.startswith(self.disk) or not name.startswith("/")
        )  # relative ones: of a tree's removal


class _Socket:
    """What is plugged in now; the interpreter's hooks cannot be taken away again."""

    supply: Supply | None = None
    hooked = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    supply = _Socket.supply
    if supply is not None and supply.sees(event, arguments):
        supply.write()


def _without_power(work: Callable[[], None]) -> None:
    supply, _Socket.supply = _Socket.supply, None
    work()
    _Socket.supply = supply


@contextlib.contextmanager
def powered(supply: Supply) -> Iterator[None]:
    """Let what happens inside need the supply's power; its end is the end of the block, and no error."""
    if not _Socket.hooked:
        sys.addaudithook(_watch)
        _Socket.hooked = True
    _Socket.supply = supply
    try:
        with contextlib.suppress(PowerCut):
            yield
    finally:
        _Socket.supply = None


def tear_journals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a cut also come inside the line that the agent appends to one of its journals."""
    whole = Store.append

    def append(store: Store, name: str, **entry: Any) -> None:
        path = store.state / f"{name}.jsonl"
        before = path.stat().st_size if path.exists() else 0
        whole(store, name, **entry)
        written = path.stat().st_size - before
        supply = _Socket.supply
        if supply is not None:
            for kept in (1, written // 2, written - 1):
                supply.write(lambda kept=kept: os.truncate(path, before + kept))  # type: ignore[misc]

    monkeypatch.setattr(Store, "append", append)


@contextlib.contextmanager
def quick_disk() -> Iterator[Path]:
    """Yield an empty folder, in memory where that can be had: hundreds of flushed writes take their time."""
    memory = Path("/dev/shm")  # noqa: S108 - only a place for a private folder
    folder = tempfile.mkdtemp(prefix="helicone-", dir=memory if os.access(memory, os.W_OK) else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder)
