"""`python3 -m recorder` serves; `healthy` exits 0 or 1; the other words print one JSON line (see WORDS)."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys

from . import heartbeat, kept, log
from .schema import open_spool
from .serving import serve
from .settings import SettingsError, read, read_folder, read_heartbeat
from .status import status

# What may be asked of a spool beside the process that serves: to keep what Helicone has, and what becomes of that.
WORDS = {"keep": kept.keep, "again": kept.again, "let-go": kept.let_go}


def main(arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code."""
    try:
        if arguments == ["status"]:
            print(json.dumps(status(read_folder(os.environ), read_heartbeat(os.environ))))
            return 0
        if len(arguments) == 1 and arguments[0] in WORDS:
            print(json.dumps(WORDS[arguments[0]](open_spool(read_folder(os.environ)))))
            return 0
        if arguments == ["healthy"]:
            beat = read_heartbeat(os.environ)
            gone = heartbeat.end_without_network(beat, os.environ.get("RECORDER_INTERFACE", ""))
            trouble = gone or heartbeat.trouble(beat)
            print(trouble or "healthy")
            return 1 if trouble else 0
        if arguments:
            print(f"usage: python3 -m recorder [{' | '.join(['status', 'healthy', *WORDS])}]", file=sys.stderr)
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
