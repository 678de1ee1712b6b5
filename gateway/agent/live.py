"""Files that a running service reads again whenever they change, outside of any release's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .store import Store, flush_folder

FOLDER = "live"


def deliver(store: Store, manifest: dict[str, Any]) -> None:
    """Put the current release's `live/` files where the services look, each by one rename.

    Services watch for renames in these folders, so a file is never read half written. The manifest
    lists files by name: clusters come before the routes that lead to them.
    """
    for name in manifest["files"]:
        if name.startswith(f"{FOLDER}/"):
            source, target = store.current_link / name, store.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _open_to_all(target.parent, store.root)
            if not target.is_file() or target.read_bytes() != source.read_bytes():
                fresh = target.with_name(f".{target.name}.new")
                fresh.write_bytes(source.read_bytes())
                fresh.chmod(0o644)
                fresh.replace(target)
                flush_folder(target.parent)


def _open_to_all(folder: Path, root: Path) -> None:
    """Make the folders from `folder` up to `root` readable for the services, whatever the umask was."""
    while folder != root:
        folder.chmod(0o755)
        folder = folder.parent
