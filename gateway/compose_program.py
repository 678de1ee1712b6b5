"""The Compose program that this project installs for itself: it merges here, and is shipped to hosts that have none."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.errors import ConfigurationError


def compose_program() -> Path:
    """Return the path of the `docker-compose` binary of this virtual environment, whose version is locked.

    No other Compose of this machine will do: what it makes of the files could differ from what hosts
    make of them. Raises ConfigurationError when the environment was not installed from requirements.lock.
    """
    program = Path(sys.executable).with_name("docker-compose")
    if not program.is_file():
        raise ConfigurationError(
            "the Compose program is missing from the virtual environment", where=str(program),
            next_step="bash bootstrap.sh tools",
        )  # fmt: skip
    return program
