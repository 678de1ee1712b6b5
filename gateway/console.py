"""What the operator sees while a command runs: steps with their times on standard error, results on standard output."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

SILENCE = 10.0  # seconds without a line after which a running step says that it is still running
WORTH_A_LINE = 0.5  # seconds that a step must take for its time to be printed as well
THROTTLE = 1.0  # seconds between two progress lines of one host


@dataclass
class Step:
    """One step as it was seen: on which host (empty: the controller), what, and how long it took.

    `started` is in seconds since the command began.
    """

    host: str
    text: str
    seconds: float
    started: float = 0.0
    failed: bool = False


class StandardError(Console):
    """Standard error, which raises OSError when nobody reads it: Rich would end the command amid its work."""

    def on_broken_pipe(self) -> None:
        """See Rich's Console."""
        raise BrokenPipeError


@dataclass
class Reporter:
    """Prints what happens, line by line, and keeps each step's time, and what was verified, for the result.

    Safe to call from the threads of several hosts. `quiet` keeps the steps and prints nothing, and so does one whose
    output is gone (`2>&1 | head`, a closed terminal, a full disk): the work goes on.
    """

    quiet: bool = False
    steps: list[Step] = field(default_factory=list)
    verifications: list[dict[str, Any]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._console = StandardError(stderr=True, highlight=False, soft_wrap=True)
        self._lock = threading.Lock()
        self._last_line = time.monotonic()
        self._last_progress: dict[str, float] = {}

    def line(self, host: str, text: str, style: str = "") -> None:
        """Print one line, with the seconds since the start and the host's name."""
        if self.quiet:
            return
        with self._lock:
            self._last_line = time.monotonic()
            line = Text()  # a style of its own would be that of all that is appended
            line.append(f"{self._last_line - self.began:6.1f}s  ", style="dim")
            line.append(f"{host:<10}" if host else "", style="cyan")
            line.append(text, style=style)
            try:
                self._console.print(line)
            except OSError:
                self.quiet = True

    @contextmanager
    def step(self, host: str, text: str) -> Iterator[None]:
        """Time what happens inside: print it when it begins, when it takes long, and how long it took."""
        self.line(host, text)
        started = time.monotonic()
        failed = True
        stop = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(host, text, started, stop), daemon=True)
        watcher.start()
        try:
            yield
            failed = False
        finally:
            stop.set()
            seconds = round(time.monotonic() - started, 2)
            with self._lock:
                self.steps.append(Step(host, text, seconds, round(started - self.began, 2), failed))
            if seconds >= WORTH_A_LINE:
                self.line(host, f"  {'failed after' if failed else 'done in'} {seconds:.1f} s", "dim")

    def events(self, host: str, message: dict[str, Any]) -> None:
        """Print an agent's event: its steps always, its progress at most once a second."""
        if message["event"] == "healthy":
            self.line(host, f"  {message['service']} is healthy", "green")
        elif message["event"] == "step":
            self.line(host, f"  {message['text']}")
        elif time.monotonic() - self._last_progress.get(host, 0) > THROTTLE:
            self._last_progress[host] = time.monotonic()
            self.line(host, f"  {message['text']}", "dim")

    def _watch(self, host: str, text: str, started: float, stop: threading.Event) -> None:
        while not stop.wait(SILENCE):
            if time.monotonic() - self._last_line >= SILENCE:
                self.line(host, f"  still: {text} ({time.monotonic() - started:.0f} s)", "dim")

    def verified(self, found: dict[str, Any]) -> None:
        """Keep what a verification found, and `at` which second of the command that was."""
        self.verifications.append({"at": round(time.monotonic() - self.began, 2), **found})

    def seconds(self) -> float:
        """Return the seconds since the command began."""
        return round(time.monotonic() - self.began, 1)


def table(title: str, columns: list[str], rows: list[list[str]], numbers_from: int | None = None) -> None:
    """Print a table of texts on standard output; the columns from `numbers_from` on are numbers, never broken."""
    shown = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        number = numbers_from is not None and place >= numbers_from
        shown.add_column(column, overflow="fold", justify="right" if number else "left", no_wrap=number)
    for row in rows:
        shown.add_row(*[Text(cell, style=style_of(cell)) for cell in row])
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(shown)


def style_of(cell: str) -> str:
    """Return the colour in which a word of a table is read fastest."""
    if cell in ("ok", "healthy", "running", "good", "verified", "reachable"):
        return "green"
    if cell.startswith(("failed", "unhealthy", "exited", "unreachable", "missing", "in doubt", "interrupted")):
        return "red"
    return ""


def say(text: str, style: str = "", to_errors: bool = False) -> None:
    """Print text on standard output (or standard error), coloured where that is a terminal."""
    Console(highlight=False, soft_wrap=True, stderr=to_errors).print(Text(text, style=style))
