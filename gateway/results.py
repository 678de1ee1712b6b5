"""Writing a result for another program, which may have stopped reading, or onto a disk that is full."""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any


def write_result(data: Any) -> bool:
    """Print a result as JSON and return whether it could be written.

    A reader that has seen enough, such as `head`, is no failure. What cannot be written is told on standard error: the
    work that it is about is done all the same.
    """
    try:
        print(json.dumps(data, indent=2, default=str), flush=True)
    except OSError as error:
        write_nowhere()
        if isinstance(error, BrokenPipeError):
            return True
        told = (error.strerror or "error").lower()
        print(
            f"the result cannot be written: {told}\n  unaffected: what the command did\n"
            "  next: see where standard output leads, and that the disk is not full: df -h",
            file=sys.stderr,
        )
        return False
    return True


def is_read() -> bool:
    """Tell whether somebody may still read standard output: a pipe's other end can be closed."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return not any(event & select.POLLERR for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # there is none, or it is no file
        return True


def write_nowhere() -> None:
    """Let standard output lead nowhere from now on, or Python tries again at its end to write what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
