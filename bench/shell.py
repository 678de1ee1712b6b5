"""Running commands of this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from bench.layout import ROOT
from gateway.errors import GatewayError
from lab.engine import docker
from lab.progress import wait_until

INVOKE = Path(sys.executable).parent / "invoke"


def run(words: Sequence[str], seconds: float = 900) -> str:
    """Run a command in the project's folder and return what it prints; raise GatewayError when it fails."""
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise GatewayError(
            f"{Path(words[0]).name} {' '.join(words[1:3])} failed: {(done.stderr or done.stdout).strip()[-2000:]}",
            where="bench",
        )
    return done.stdout


def invoke(*words: str) -> str:
    """Type one of the operator's commands and return what it prints."""
    return run([str(INVOKE), *words])


def bridge_address() -> str:
    """Return this machine's address on Docker's own bridge, which containers of every network reach.

    An engine that made its bridge at this very start does not say which one it took: the first of the subnet.
    """
    settings = "{{with index .IPAM.Config 0}}{{.Subnet}} {{.Gateway}}{{end}}"
    subnet, _, gateway = docker("network", "inspect", "bridge", "--format", settings).partition(" ")
    return gateway if gateway not in ("", "<no value>") else str(next(ip_network(subnet).hosts()))


def require(condition: Any, message: str, next_step: str = "") -> None:
    """Raise GatewayError with the message unless the condition holds."""
    if not condition:
        raise GatewayError(message, where="bench", next_step=next_step)


def wait_for(condition: Any, what: str, seconds: float) -> None:
    """Wait until a call returns something true; raise GatewayError, naming what did not happen, after `seconds`."""
    require(wait_until(condition, seconds=seconds), f"{what} did not happen within {seconds:.0f} s")
