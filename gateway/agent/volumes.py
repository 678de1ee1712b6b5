"""Named volumes of this host: where they are, and emptying, filling and swapping them by renames."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import engine
from .failure import StepFailed


def folder(volume: str) -> Path | None:
    """Return where a named volume is on this host's disk, None if there is no such volume."""
    known = engine.ask(f"/volumes/{volume}")
    return Path(known["Mountpoint"]) if known else None


def make(volume: str) -> Path:
    """Create a named volume unless it is there, and return where it is. Raises StepFailed."""
    done = subprocess.run(["docker", "volume", "create", volume], capture_output=True, check=False)
    found = folder(volume) if done.returncode == 0 else None
    if found is None:
        raise StepFailed("volume", f"{volume} could not be made: {done.stderr.decode(errors='replace').strip()}")
    return found


def remove(volume: str) -> None:
    """Remove a named volume and what is in it; one that is not there is fine, one in use stays."""
    subprocess.run(["docker", "volume", "rm", "--force", volume], capture_output=True, check=False)


def empty(place: Path) -> None:
    """Remove everything in a folder, and leave the folder itself as it is."""
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            import shutil

            shutil.rmtree(entry)
        else:
            entry.unlink()


def move_content(source: Path, target: Path) -> None:
    """Move everything in one folder into another by renames; all or, where one fails, nothing.

    Raises OSError, for one when the two are on different file systems.
    """
    moved: list[str] = []
    try:
        for name in sorted(entry.name for entry in source.iterdir()):
            (source / name).rename(target / name)
            moved.append(name)
    except OSError:
        for name in moved:
            (target / name).rename(source / name)
        raise
