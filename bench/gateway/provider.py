"""The provider that everything is measured against: the lab's stand-in, in a container of its own beside Compose."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from bench.gateway.layout import PROVIDER, PROVIDER_IMAGE, PROVIDER_PORT
from bench.shell import require, wait_for
from lab.engine import docker, inspect, try_docker


@contextlib.contextmanager
def running(address: str) -> Iterator[None]:
    """Run the provider on all addresses of this machine, as Docker keeps networks apart; stop it afterwards."""
    try_docker("rm", "--force", PROVIDER)
    require(inspect("image", PROVIDER_IMAGE, "{{.Id}}"), "the stand-in provider is not built", "invoke lab.up")
    require(not answers(address), f"port {PROVIDER_PORT} of this machine is taken")
    docker("run", "--detach", "--name", PROVIDER, "--network", "host", "--init", PROVIDER_IMAGE)
    try:
        wait_for(lambda: answers(address), "the provider's start", 30)
        yield
    finally:
        docker("rm", "--force", PROVIDER)


def answers(address: str, port: int = PROVIDER_PORT) -> bool:
    """Return whether something listens there."""
    with socket.socket() as client:
        client.settimeout(2)
        return client.connect_ex((address, port)) == 0
