"""Jobs that depend on each other, run side by side, with a line for each and never in silence."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

HEARTBEAT_SECONDS = 10.0


@dataclass(frozen=True)
class Job:
    """One piece of work: what it is called, what must be done before, and what to call."""

    name: str
    run: Callable[[], str]
    after: tuple[str, ...] = ()


@dataclass
class Reporter:
    """Prints one line for each finished job, and what still runs when nothing has finished for a while."""

    write: Callable[[str], None] = lambda line: print(line, flush=True)
    started: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def finished(self, name: str, outcome: str, seconds: float) -> None:
        """Report a job that is done: its name, what it did, and how long it took."""
        self._line(f"  {name:<24} {outcome:<28} {seconds:6.1f} s")

    def failed(self, name: str) -> None:
        """Report a job that failed; its error is raised once the running jobs have ended."""
        self._line(f"  {name:<24} FAILED")

    def running(self, names: Iterable[str]) -> None:
        """Report what is still running, so that long work is never silent."""
        self._line(f"  ... {', '.join(sorted(names))} (at {self.total():.0f} s)")

    def title(self, text: str) -> None:
        """Print a line above the jobs that follow."""
        self._line(text)

    def total(self) -> float:
        """Return the seconds since this reporter was made."""
        return time.monotonic() - self.started

    def _line(self, text: str) -> None:
        with self._lock:
            self.write(text)


def run_jobs(jobs: Iterable[Job], reporter: Reporter, *, workers: int = 4) -> None:
    """Run all jobs, each as soon as everything it comes after is done.

    The first failure lets the running jobs end, starts no other, and is raised. A job that names an
    unknown predecessor is a mistake of the caller and raises KeyError before anything runs.
    """
    by_name = {job.name: job for job in jobs}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for job in by_name.values():
        sorter.add(job.name, *(by_name[name].name for name in job.after))
    sorter.prepare()
    running: dict[Future[tuple[str, float]], str] = {}
    with ThreadPoolExecutor(max_workers=workers) as pool:
        while sorter.is_active():
            for name in sorter.get_ready():
                running[pool.submit(_timed, by_name[name].run)] = name
            done, _ = wait(running, timeout=HEARTBEAT_SECONDS, return_when=FIRST_COMPLETED)
            if not done:
                reporter.running(name for future, name in running.items() if future.running())
            _collect(done, running, reporter, sorter, pool)


def _collect(
    done: Iterable[Future[tuple[str, float]]],
    running: dict[Future[tuple[str, float]], str],
    reporter: Reporter,
    sorter: TopologicalSorter[str],
    pool: ThreadPoolExecutor,
) -> None:
    """Report finished jobs and free what waited for them; on a failure cancel what has not begun."""
    for future in done:
        name = running.pop(future)
        error = future.exception()
        if error is not None:
            reporter.failed(name)
            pool.shutdown(wait=True, cancel_futures=True)
            raise error
        outcome, seconds = future.result()
        reporter.finished(name, outcome, seconds)
        sorter.done(name)


def _timed(function: Callable[[], str]) -> tuple[str, float]:
    started = time.monotonic()
    outcome = function()
    return outcome, time.monotonic() - started


def wait_until(probe: Callable[[], bool], *, seconds: float, pause: float = 0.1) -> bool:
    """Call `probe` until it is true or `seconds` are over; return whether it became true."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return counts as text, without the zeros: `{"container": 2, "image": 0}` gives `2 container(s)`."""
    return ", ".join(f"{count} {name}(s)" for name, count in counts.items() if count) or "nothing"
