"""What the gateway may use up, in the real Envoy: memory for what clients do not fetch, and files."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

from tests.templates.running_envoy import AUTH, JSON, Gateway, eventually

MEMORY, MIRROR = 256, 128  # MiB of the container, and of it what recorded requests may take
CLIENTS = 200


def test_clients_that_fetch_nothing_take_no_memory_that_others_need(started: Callable[..., Gateway]) -> None:
    gateway = started(f"gateway.memory={MEMORY}m", f"recorder.mirror={MIRROR}m")
    with contextlib.ExitStack() as lazy:
        for _ in range(CLIENTS):
            lazy.enter_context(asked_for_much(gateway))
        assert eventually(lambda: len(gateway.provider.received) == CLIENTS) is not None
        highest = max(resident(gateway) for _ in range(50) if eventually(lambda: False, 0.05) is None)

        assert highest < MEMORY - MIRROR
        assert gateway.post("/v1/chat/completions").status == 200


def asked_for_much(gateway: Gateway) -> socket.socket:
    """Return the connection of a client that asked for an answer of 8 MiB and takes nothing of it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", gateway.port))
    body = json.dumps({"megabytes": 8})
    lines = {"Host": "gateway", "Content-Length": str(len(body)), **JSON, **AUTH}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    client.sendall(f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n{body}".encode())
    return client


def resident(gateway: Gateway) -> int:
    """Return the MiB of memory that Envoy has."""
    status = Path(f"/proc/{process(gateway)}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) >> 10


def process(gateway: Gateway) -> int:
    return int((gateway.folder / "envoy").read_text())


def test_it_may_open_as_many_files_as_the_machine_allows(started: Callable[..., Gateway], prepare) -> None:
    gateway = prepare()
    gateway.start(run=lambda text: f"ulimit -Sn 512\n{text}")

    limits = Path(f"/proc/{process(gateway)}/limits").read_text()
    soft, hard = re.findall(r"Max open files +(\d+) +(\d+)", limits)[0]
    assert soft == hard
