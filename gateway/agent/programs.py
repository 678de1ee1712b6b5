"""Finding programs; `shutil.which` would bring the libraries of four ways of compression with it."""

from __future__ import annotations

import os

SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"


def find(name: str, path: str = "") -> str | None:
    """Return where a program is, looked for in the folders of `path` or else of PATH; None if nowhere."""
    for folder in (path or os.environ.get("PATH", os.defpath)).split(os.pathsep):
        program = os.path.join(folder, name)  # noqa: PTH118 - as light as this module
        if os.path.isfile(program) and os.access(program, os.X_OK):  # noqa: PTH113
            return program
    return None
