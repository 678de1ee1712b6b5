"""Ctrl-C, pressed by work on a host while the command waits for it."""

from __future__ import annotations

import signal
import sys
import threading
import time

WAITING = ("result", "join")  # for what a host gives, and for the end of what has begun


def ctrl_c() -> None:
    """Press Ctrl-C once the main thread waits, and return when it has noticed."""
    main = threading.main_thread().ident
    assert main is not None
    until = time.monotonic() + 60
    while not (where := _waits(main)):
        assert time.monotonic() < until
        time.sleep(0.01)
    signal.pthread_kill(main, signal.SIGINT)
    while _waits(main) == where:
        assert time.monotonic() < until
        time.sleep(0.01)


def _waits(thread: int) -> str:
    """Return the function in which a thread waits for others, or nothing."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - there is no other way to ask
    names = []
    while frame:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    blocked = names[0] in ("wait", "join", "_wait_for_tstate_lock")
    return next((name for name in names if blocked and name in WAITING), "")
