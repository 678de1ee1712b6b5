"""The mirror of a gateway: the files that wait for a recorder, and removed ones that are still open."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.templates.running_envoy import Gateway


def mirrored(gateway: Gateway) -> list[Path]:
    """Return the files that wait for a recorder."""
    return [path for path in (gateway.folder / "mirror").rglob("*") if path.is_file()]


def removed_but_open(process: int) -> list[str]:
    """Return the files of the mirror that are removed, and that a process has open all the same."""
    found = []
    for opened in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since the folder was read
            found.append(str(opened.readlink()))
    return [path for path in found if "/mirror/" in path and path.endswith(" (deleted)")]
