"""The verbs `lab.up`, `lab.down` and `lab.status`. They import late: `invoke --list` stays fast."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.context import Context

from gateway.verb import verb

if TYPE_CHECKING:
    from lab.progress import Reporter


@verb()
def up(context: Context, json_: bool = False, debug: bool = False) -> Any:
    """Bring the lab up: three hosts, registry, upstream repository and provider (again: seconds)."""
    from lab.fleet import status as states
    from lab.fleet import up as bring_up
    from lab.report import states_as_data

    bring_up(_reporter(json_))
    return states_as_data(states())


@verb(keep_images="leave the built images and downloads, so that the next lab.up is quick")
def down(context: Context, keep_images: bool = False, json_: bool = False, debug: bool = False) -> Any:
    """Remove everything that the lab has made on this machine."""
    from lab.fleet import down as take_down

    return {"removed": take_down(keep_images=keep_images, reporter=_reporter(json_))}


@verb()
def status(context: Context, json_: bool = False, debug: bool = False) -> Any:
    """Show the lab's parts, their state and address, and which of them are stand-ins."""
    from lab.fleet import status as states
    from lab.report import print_status, states_as_data

    found = states()
    if not json_:
        print_status(found)
    return states_as_data(found)


def _reporter(as_json: bool) -> Reporter:
    """Return what prints a line for each job: on standard error where standard output is for JSON."""
    from lab.progress import Reporter

    return Reporter(write=lambda line: print(line, file=sys.stderr if as_json else sys.stdout, flush=True))


collection = Collection("lab", up, down, status)
