"""Clients of the lab's gateways."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.command import gateway, http, secret

HOSTS = ("app1", "app2")


def ask(host: str, key: str) -> tuple[str, int]:
    """Send a completion with a Helicone key; return its id and the status."""
    identifier = str(uuid.uuid4())
    status, _, _ = http(
        "POST", f"{gateway(host)}/chat/completions",
        {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"hello {identifier}"}]},
        Authorization="Bearer sk-test", Helicone_Auth=f"Bearer {key}", Helicone_Request_Id=identifier,
    )  # fmt: skip
    return identifier, status


def send(host: str = "app1") -> str:
    """Send a completion, which has to be answered, and return its id."""
    identifier, status = ask(host, secret("helicone_api_key"))
    assert status == 200
    return identifier


def settled(wanted: int, key: str, host: str) -> tuple[float, int]:
    """Return after how many seconds requests with a key get the wanted status for good, and how many passed.

    Each of the gateway's threads reads the list of keys by itself once a second, and a connection comes to any of them.
    """
    started = since = time.monotonic()
    passed = 0
    while time.monotonic() - since < 2:
        assert since - started < 20, f"{host}: not {wanted} after 20 s"
        time.sleep(0.1)
        _, status = ask(host, key)
        passed += status == 200
        if status != wanted:
            since = time.monotonic()
    return since - started, passed


@contextmanager
def asking(key: str) -> Iterator[list[tuple[str, int]]]:
    """Let a client of each gateway go on sending for as long as the block lasts; yield ids and statuses as they come.

    The status of a request that got no answer at all is 0.
    """
    answers: list[tuple[str, int]] = []
    stop = threading.Event()

    def go_on(host: str) -> None:
        while not stop.wait(0.3):
            try:
                answers.append(ask(host, key))
            except OSError:
                answers.append(("", 0))

    threads = [threading.Thread(target=go_on, args=(host,)) for host in HOSTS]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()
