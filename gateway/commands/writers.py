"""What writes into the stores, standing still while they change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gateway.plan.operations import Run
from gateway.transport.fleet import need_all, on_all

WRITERS = ("jawn", "web")


def halt(run: Run, services: Sequence[str]) -> None:
    """Stop these services wherever they run. Raises what a host raised that could not."""
    with run.reporter.step("", f"stop {' and '.join(services)} on {', '.join(_hosts(run))}"):
        failures = _ask(run, "halt", services)
        if failures:
            need_all(failures)


def resume(run: Run, services: Sequence[str]) -> dict[str, Exception]:
    """Start these services of each host's release again; return what went wrong, by host, which is told, too."""
    with run.reporter.step("", f"start {' and '.join(services)} again"):
        failures = _ask(run, "resume", services)
    for name, error in failures.items():
        run.reporter.line(name, f"{' and '.join(services)} did not come back: {error}; deploy again", "red")
    return failures


@contextmanager
def writers_halted(run: Run) -> Iterator[None]:
    """Stop jawn and web on every host for as long as the stores change, and start them again whatever happens."""
    try:
        halt(run, WRITERS)
        yield
    finally:
        resume(run, WRITERS)


def _hosts(run: Run) -> list[str]:
    return [name for name in run.conversations if "app" in run.inventory.hosts[name].roles]


def _ask(run: Run, verb: str, services: Sequence[str]) -> dict[str, Exception]:
    """Ask all hosts at once and return who failed."""
    project, names = run.inventory.project, list(services)
    return on_all(_hosts(run), lambda name: run.ask(name, verb, project=project, services=names))[1]
