"""The Docker engine of this machine, spoken to through its command line client."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import IO, TYPE_CHECKING

from gateway.errors import ConfigurationError, GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENGINE_TIMEOUT = 10.0
SHOWN_LINES = 15


def require_engine() -> str:
    """Return the engine's version; raise ConfigurationError when it does not answer."""
    try:
        answer = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=ENGINE_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise _missing("there is no docker command on this machine") from None
    except subprocess.TimeoutExpired:
        raise _missing(f"the Docker engine did not answer within {ENGINE_TIMEOUT:.0f} s") from None
    if answer.returncode != 0:
        raise _missing(f"the Docker engine does not answer: {_last_lines(answer.stderr, 1)}")
    return answer.stdout.strip()


def docker(
    *arguments: str,
    feed: Callable[[IO[bytes]], None] | None = None,
    log: Path | None = None,
    timeout: float = 900.0,
) -> str:
    """Run one docker command and return what it printed.

    `feed` writes the command's standard input (a tar archive). `log` takes all output of a long
    command. A non-zero exit raises GatewayError with the last lines that the command said; the legacy
    builder is used because BuildKit is a separate installation.
    """
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(log.open("wb")) if log else None
        process = stack.enter_context(
            subprocess.Popen(
                ["docker", *arguments],
                stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                stdout=sink or subprocess.PIPE,
                stderr=subprocess.STDOUT if sink else subprocess.PIPE,
                env={**os.environ, "DOCKER_BUILDKIT": "0"},
            )
        )
        if feed is not None and process.stdin is not None:
            _feed(process.stdin, feed)
            process.stdin = None
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise GatewayError(f"docker {arguments[0]} took longer than {timeout:.0f} s", where="lab") from None
    if process.returncode != 0:
        said = log.read_text(errors="replace") if log else errors.decode(errors="replace")
        raise GatewayError(
            f"docker {' '.join(arguments[:2])} failed: {_last_lines(said, SHOWN_LINES)}",
            where="lab",
            next_step=f"read {log}" if log else "",
        )
    return "" if output is None else output.decode(errors="replace").strip()


def try_docker(*arguments: str, timeout: float = 60.0) -> str | None:
    """Run one docker command and return what it printed, or None when it failed."""
    try:
        return docker(*arguments, timeout=timeout)
    except GatewayError:
        return None


def inspect(kind: str, name: str, template: str) -> str | None:
    """Return one field of an image, container, network or volume, or None when there is none of that name."""
    return try_docker(kind, "inspect", "--format", template, name)


def _feed(stdin: IO[bytes], feed: Callable[[IO[bytes]], None]) -> None:
    """Write the input and close it; a command that stops reading shows its reason in its own exit."""
    try:
        with stdin:
            feed(stdin)
    except BrokenPipeError:
        return


def _missing(message: str) -> ConfigurationError:
    return ConfigurationError(message, where="lab", next_step="bash bootstrap.sh installs and starts Docker")


def _last_lines(text: str, count: int) -> str:
    return "\n".join(text.strip().splitlines()[-count:])
