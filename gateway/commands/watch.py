"""`invoke status --watch`: the fleet's table, again and again."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from gateway.commands.status import status
from gateway.errors import ConfigurationError, UnreachableError
from gateway.inventory import Inventory

EVERY = 3.0  # seconds from one look to the next
_CLEAR = "\x1b[H\x1b[2J"  # to the upper left corner, and everything away


def watch(inventory: Inventory, as_json: bool, report: Path | None = None) -> None:
    """Look at the hosts every three seconds until Ctrl-C and print what they say, with JSON one object a line.

    A host that does not answer is part of the picture, not the end of it. Raises ConfigurationError for a
    `report`, which shows one look.
    """
    if report is not None:
        raise ConfigurationError(
            "a report shows one look at the hosts, not many", where="--watch", next_step="leave one of the two out"
        )
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            if sys.stdout.isatty() and not as_json:
                sys.stdout.write(_CLEAR)
            seen = _look(inventory, as_json)
            if as_json:
                print(json.dumps(seen, default=str), flush=True)
            else:
                print(f"\n{time.strftime('%H:%M:%S')}  every {EVERY:.0f} s, Ctrl-C ends it", flush=True)
            time.sleep(EVERY)


def _look(inventory: Inventory, as_json: bool) -> Any:
    try:
        return status(inventory, as_json)
    except UnreachableError as error:
        return error.report
