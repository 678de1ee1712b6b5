"""What stands still while the stores change: what writes into them, and what would take half a list from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gateway.errors import InDoubtError
from gateway.plan.operations import Run
from gateway.transport.fleet import need_all, on_all

WRITERS = ("jawn", "web")
READERS = ("keys",)  # would take a half-loaded list of keys from them; the gateways keep the one they have
_ROLES = {"jawn": "app", "web": "app", "keys": "edge"}


def halt(run: Run, services: Sequence[str], reason: str = "") -> None:
    """Stop these services wherever they run. Raises what a host raised that could not.

    Where the stores are to change, `reason` says for what: each host notes it until `resume`, or a deploy that saw
    the data host.
    """
    with run.reporter.step("", f"stop {', '.join(services)} on {', '.join(_places(run, services))}"):
        failures = _ask(run, "halt", services, reason=reason)
        if failures:
            need_all(failures)


def resume(run: Run, services: Sequence[str]) -> dict[str, Exception]:
    """Start these services of each host's release, also what stood still before; return by host what went wrong."""
    with run.reporter.step("", f"start {', '.join(services)} again"):
        failures = _ask(run, "resume", services)
    for name, error in failures.items():
        run.reporter.line(name, f"{', '.join(services)} did not come back: {error}; deploy again", "red")
    return failures


@contextmanager
def all_halted(run: Run, reason: str) -> Iterator[None]:
    """Stop writers and readers on every host for as long as the stores change; start them again whatever happens.

    But for an InDoubtError: stores that may still change, or hold a part of what they should, are left alone.
    """
    try:
        halt(run, (*WRITERS, *READERS), reason)
        yield
    except InDoubtError:
        raise
    except BaseException:
        resume(run, (*WRITERS, *READERS))
        raise
    resume(run, (*WRITERS, *READERS))


def _places(run: Run, services: Sequence[str]) -> dict[str, list[str]]:
    """Return by host which of the services it has."""
    found = {
        name: [service for service in services if _ROLES[service] in run.inventory.hosts[name].roles]
        for name in run.conversations
    }
    return {name: names for name, names in found.items() if names}


def _ask(run: Run, verb: str, services: Sequence[str], **more: Any) -> dict[str, Exception]:
    """Ask all hosts at once and return who failed."""
    project, places = run.inventory.project, _places(run, services)
    return on_all(list(places), lambda name: run.ask(name, verb, project=project, services=places[name], **more))[1]
