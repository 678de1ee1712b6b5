"""Files that a running service reads again whenever they change, outside of any release's folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .resources import joined
from .store import Store, flush_folder

FOLDER = "live"


def deliver(store: Store, manifest: dict[str, Any], wait: Callable[[str], None] = lambda _: None) -> None:
    """Put the current release's `live/` files where the services look, each by one rename.

    Services watch for renames in these folders, so a file is never read half written. The manifest
    lists files by name: clusters come before the routes that lead to them, and those that go stay beside
    them until the routes are there. `wait` is called with each file before the next one is put there.
    """
    shorter = {}
    for name in manifest["files"]:
        if name.startswith(f"{FOLDER}/"):
            wanted, target = (store.current_link / name).read_bytes(), store.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _open_to_all(target.parent, store.root)
            found = target.read_bytes() if target.is_file() else b""
            if found != wanted:
                at_first = joined(wanted, found)
                _put(target, at_first)
                wait(name)
                if at_first != wanted:
                    shorter[name] = wanted
    for name, wanted in shorter.items():
        _put(store.root / name, wanted)
        wait(name)


def _put(target: Path, content: bytes) -> None:
    fresh = target.with_name(f".{target.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # or a power cut may leave the new name with nothing in it
    fresh.chmod(0o644)
    fresh.replace(target)
    flush_folder(target.parent)


def _open_to_all(folder: Path, root: Path) -> None:
    """Make the folders from `folder` up to `root` readable for the services, whatever the umask was."""
    while folder != root:
        folder.chmod(0o755)
        folder = folder.parent
