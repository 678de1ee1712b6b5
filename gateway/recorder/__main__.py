"""`python3 -m recorder` serves; `healthy` exits 0 or 1; the other words print one JSON line (see WORDS)."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import heartbeat, kept, log
from .schema import open_spool
from .serving import serve
from .settings import SettingsError, read, read_folder, read_heartbeat
from .status import status

# What may be asked of a spool beside the process that serves: how it is, and to keep what Helicone has for a while.
WORDS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "status": lambda folder: status(folder, read_heartbeat(os.environ)),
    "keep": lambda folder: kept.keep(open_spool(folder)),
    "again": lambda folder: kept.again(open_spool(folder)),
    "let-go": lambda folder: kept.let_go(open_spool(folder)),
}


def main(arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code."""
    try:
        if len(arguments) == 1 and arguments[0] in WORDS:
            print(json.dumps(WORDS[arguments[0]](read_folder(os.environ))))
            return 0
        if arguments == ["healthy"]:
            beat = read_heartbeat(os.environ)
            gone = heartbeat.end_without_network(beat, os.environ.get("RECORDER_INTERFACE", ""))
            trouble = gone or heartbeat.trouble(beat)
            print(trouble or "healthy")
            return 1 if trouble else 0
        if arguments:
            print(f"usage: python3 -m recorder [{' | '.join([*WORDS, 'healthy'])}]", file=sys.stderr)
            return 2
        asyncio.run(serve(read(os.environ)))
    except SettingsError as error:
        log.say("error", str(error))
        return 2
    except (sqlite3.Error, OSError) as error:
        log.say("error", f"{type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
