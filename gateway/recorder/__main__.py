"""`python3 -m recorder` serves; `status` prints one JSON line; `healthy` exits 0 or 1."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys

from . import heartbeat, log
from .serving import serve
from .settings import SettingsError, read, read_folder, read_heartbeat
from .status import status


def main(arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code."""
    try:
        if arguments == ["status"]:
            print(json.dumps(status(read_folder(os.environ), read_heartbeat(os.environ))))
            return 0
        if arguments == ["healthy"]:
            beat = read_heartbeat(os.environ)
            gone = heartbeat.end_without_network(beat, os.environ.get("RECORDER_INTERFACE", ""))
            trouble = gone or heartbeat.trouble(beat)
            print(trouble or "healthy")
            return 1 if trouble else 0
        if arguments:
            print("usage: python3 -m recorder [status | healthy]", file=sys.stderr)
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
