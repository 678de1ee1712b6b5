"""The verbs `lab.up`, `lab.down` and `lab.status`. They import late: `invoke --list` stays fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.tasks import task

from gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from invoke.context import Context


@task
def up(context: Context) -> None:
    """Bring the lab up: three hosts, registry, upstream repository and provider (again: seconds)."""
    from lab.fleet import up as bring_up

    _run(bring_up)


@task(help={"keep_images": "leave the built images and downloads, so that the next lab.up is quick"})
def down(context: Context, keep_images: bool = False) -> None:
    """Remove everything that the lab has made on this machine."""
    from lab.fleet import down as take_down

    _run(lambda: take_down(keep_images=keep_images))


@task
def status(context: Context) -> None:
    """Show the lab's parts, their state and address, and which of them are stand-ins."""
    from lab.report import print_status

    _run(print_status)


def _run(verb: Callable[[], None]) -> None:
    """Call a verb; a failure is shown as a sentence and ends with its exit code."""
    try:
        verb()
    except (GatewayError, KeyboardInterrupt) as error:
        from gateway.commands.failure import report_failure

        raise Exit(code=report_failure(error, False)) from None


collection = Collection("lab", up, down, status)
