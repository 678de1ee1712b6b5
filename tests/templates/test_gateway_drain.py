"""What run.sh does when it is asked to stop: what runs ends whole, what is new goes to a successor."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.templates.running_envoy import AUTH, JSON, KEY, Gateway, answer_of, eventually

IDLE = re.compile(r'"\$second" -gt (\d+) \]')
TICK = "        sleep 1\n"
Prepare = Callable[..., Gateway]


def impatient(text: str) -> str:
    """Return run.sh with tenths of seconds instead of seconds."""
    (seconds,) = IDLE.findall(text)
    assert 1 <= int(seconds) <= 15
    assert text.count(TICK) == 1
    return text.replace(TICK, TICK.replace("1", "0.1"))


@pytest.fixture
def gateway(prepare: Prepare) -> Gateway:
    """Return a gateway of a test's own."""
    made = prepare("gateway.drain_seconds=300")
    made.allow(KEY)
    made.start(run=impatient)
    return made


def open_stream(gateway: Gateway, body: bytes) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", body, {**AUTH, **JSON})
    response = connection.getresponse()
    response.readline()
    return connection, response


def refuses(gateway: Gateway) -> bool:
    """Tell whether new connections are refused."""
    try:
        gateway.connect(1).close()
    except OSError:
        return True
    return False


def test_an_idle_gateway_ends_within_seconds(gateway: Gateway) -> None:
    before = time.monotonic()
    gateway.process.terminate()

    assert gateway.process.wait(10) == 0
    assert time.monotonic() - before < 5
    assert refuses(gateway)


def test_a_running_stream_ends_whole_while_nobody_new_comes_in(gateway: Gateway) -> None:
    connection, response = open_stream(gateway, b'{"stream": 12, "pause": 0.15}')
    gateway.process.terminate()
    time.sleep(0.5)

    assert refuses(gateway)
    rest = response.read()
    ended = time.monotonic()
    connection.close()

    assert rest.endswith(b"data: 12\n\n")
    assert gateway.process.wait(10) == 0
    assert time.monotonic() - ended < 4
    record = gateway.recorder.of(response.headers["helicone-id"])
    assert record is not None
    assert record.complete


def test_an_open_connection_is_used_once_more_and_closed_in_good_order(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("GET", "/v1/models", headers=AUTH)
    answer_of(connection.getresponse())
    gateway.process.terminate()
    time.sleep(0.3)

    connection.request("GET", "/v1/models", headers=AUTH)
    response = connection.getresponse()

    assert response.status == 200
    assert response.headers["connection"] == "close"
    response.read()
    connection.close()
    assert gateway.process.wait(10) == 0


def test_the_wait_is_bounded(prepare: Prepare) -> None:
    gateway = prepare("gateway.drain_seconds=12")
    gateway.allow(KEY)
    gateway.start(run=impatient)
    connection, response = open_stream(gateway, b'{"stream": 100, "pause": 0.1}')
    before = time.monotonic()
    gateway.process.terminate()

    assert gateway.process.wait(10) == 0
    assert 1.1 < time.monotonic() - before < 5
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    connection.close()


def test_a_second_request_to_stop_changes_nothing(gateway: Gateway) -> None:
    connection, response = open_stream(gateway, b'{"stream": 5, "pause": 0.2}')
    gateway.process.terminate()
    time.sleep(0.2)
    gateway.process.terminate()

    assert response.read().endswith(b"data: 5\n\n")
    connection.close()
    assert gateway.process.wait(10) == 0


def test_a_successor_beside_it_takes_over_on_the_same_port(gateway: Gateway, prepare: Prepare) -> None:
    successor = prepare()
    successor.port = gateway.port
    successor.allow(KEY)
    statuses: list[int | str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                statuses.append(gateway.post("/v1/chat/completions").status)
            except OSError as error:
                statuses.append(type(error).__name__)

    client = threading.Thread(target=ask)
    client.start()
    try:
        successor.start()
        assert eventually(lambda: successor.healthy() == (0, ""), 5) is not None
        gateway.process.terminate()
        assert gateway.process.wait(10) == 0
        time.sleep(0.2)
    finally:
        stop.set()
        client.join()

    failed = [status for status in statuses if status != 200]
    assert len(statuses) > 20
    assert len(failed) <= (0 if connections_migrate() else 1), failed
    assert gateway.provider.received
    assert successor.provider.received
    assert statuses[-1] == 200


def connections_migrate() -> bool:
    """Tell whether this machine's kernel gives waiting connections to another listener, as the door's is told to."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/net/ipv4/tcp_migrate_req").read_text().strip() == "1"
    return False


def test_an_envoy_that_dies_takes_run_sh_with_it(gateway: Gateway) -> None:
    """Docker starts the container anew then."""
    (envoy,) = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
    os.kill(int(envoy), signal.SIGKILL)

    assert gateway.process.wait(5) == 137
