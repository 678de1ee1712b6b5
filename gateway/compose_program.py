"""The Compose program that this project installs for itself, and ships to hosts that have none."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.errors import ConfigurationError


def compose_program() -> Path:
    """Return the path of the `docker-compose` binary of this virtual environment.

    Raises ConfigurationError when the environment was not installed from requirements.lock.
    """
    program = Path(sys.executable).parent / "docker-compose"
    if not program.is_file():
        raise ConfigurationError(
            "the Compose program is missing from the virtual environment", where=str(program),
            next_step="bash bootstrap.sh installs it",
        )  # fmt: skip
    return program
