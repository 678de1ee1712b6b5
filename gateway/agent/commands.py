"""Commands of a verification: each gives what the shell gives; what a file's own data answers starts no process."""

from __future__ import annotations

import hashlib
import shlex
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_AT_ONCE = 8
# What testinfra types to know a file's existence, mode, owner and checksum, and what the programs print.
_OF_FILES: dict[str, Callable[[Path], str]] = {
    "test -e {}": lambda path: _nothing(path.stat()),
    "stat -Lc %a {}": lambda path: f"{stat.S_IMODE(path.stat().st_mode):o}\n",
    "stat -Lc %u {}": lambda path: f"{path.stat().st_uid}\n",
    "sha256sum {} | cut -d ' ' -f 1": lambda path: f"{hashlib.sha256(path.read_bytes()).hexdigest()}\n",
}


def _nothing(_found: object) -> str:
    return ""


def run(command: str) -> dict[str, Any]:
    """Run a shell command and return its code and output."""
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return {
        "code": done.returncode,
        "stdout": done.stdout.decode(errors="surrogateescape"),
        "stderr": done.stderr.decode(errors="surrogateescape"),
    }


def run_all(commands: list[str]) -> list[dict[str, Any]]:
    """Return the results of many commands, in their order; a few run at once."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda command: known(command) or run(command), commands))


def known(command: str) -> dict[str, Any] | None:
    """Return the result of a question about a file that is there; None where the shell has to be asked.

    Only a command that is exactly what `shlex.quote` makes of a path is taken for one.
    """
    for form, answer in _OF_FILES.items():
        before, _, after = form.partition("{}")
        if not command.startswith(before) or not command.endswith(after):
            continue
        quoted = command[len(before) : len(command) - len(after)]
        try:
            (path,) = shlex.split(quoted)
            if (
                shlex.quote(path) != quoted or "\\" in path or "\n" in path
            ):  # sha256sum writes such names in its own way
                return None
            return {"code": 0, "stdout": answer(Path(path)), "stderr": ""}
        except (ValueError, OSError):  # more than a path, or not there: the shell has the words for it
            return None
    return None
