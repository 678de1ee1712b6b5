"""What run.sh does when it is asked to stop: what runs ends whole, what is new goes to a successor."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.templates.running_envoy import AUTH, JSON, KEY, PATIENCE, Gateway, answer_of, eventually

IDLE = re.compile(r'"\$second" -gt (\d+) \]')
TICK = "        sleep 1\n"
Prepare = Callable[..., Gateway]


class Clock:
    """What run.sh counts its seconds by: tenths of them, noted each, and none while it is stopped."""

    def __init__(self, gateway: Gateway) -> None:
        self._ticks, self._stopped = gateway.folder / "ticks", gateway.folder / "stopped"

    def instead(self, text: str) -> str:
        """Return run.sh with this clock."""
        (seconds,) = IDLE.findall(text)
        assert 1 <= int(seconds) <= 15
        assert text.count(TICK) == 1
        wait = f"while [ -e {self._stopped} ]; do sleep 0.02; done"
        return text.replace(TICK, f"{wait}\necho >>{self._ticks}\n{TICK.replace('1', '0.1')}")

    @property
    def seconds(self) -> int:
        """How many of its seconds have begun."""
        return len(self._ticks.read_text()) if self._ticks.exists() else 0

    def stop(self) -> None:
        """Count no further."""
        self._stopped.touch()

    def go_on(self) -> None:
        """Count again."""
        self._stopped.unlink()


@pytest.fixture
def gateway(prepare: Prepare) -> Gateway:
    """Return a gateway of a test's own."""
    made = prepare("gateway.drain_seconds=300")
    made.allow(KEY)
    made.start(run=Clock(made).instead)
    return made


@pytest.fixture
def clock(gateway: Gateway) -> Clock:
    """Return the clock of a test's own gateway."""
    return Clock(gateway)


def open_stream(gateway: Gateway, body: bytes) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    connection.request("POST", "/v1/chat/completions", body, {**AUTH, **JSON})
    response = connection.getresponse()
    response.readline()
    return connection, response


def refuses(gateway: Gateway) -> bool:
    """Tell whether new connections are refused."""
    try:
        gateway.connect().close()
    except OSError:
        return True
    return False


def test_an_idle_gateway_ends_within_seconds(gateway: Gateway, clock: Clock) -> None:
    gateway.process.terminate()

    assert gateway.process.wait(PATIENCE) == 0
    assert clock.seconds < 20
    assert refuses(gateway)


def test_a_running_stream_ends_whole_while_nobody_new_comes_in(gateway: Gateway, clock: Clock) -> None:
    connection, response = open_stream(gateway, b'{"stream": 12, "pause": 600}')
    gateway.process.terminate()

    assert eventually(lambda: refuses(gateway)) is not None
    assert eventually(lambda: clock.seconds > 11) is not None
    gateway.provider.go_on.release(12)
    rest = response.read()
    ended = clock.seconds
    connection.close()

    assert rest.endswith(b"data: 12\n\n")
    assert gateway.process.wait(PATIENCE) == 0
    assert clock.seconds - ended < 20
    record = gateway.recorder.of(response.headers["helicone-id"])
    assert record is not None
    assert record.complete


def test_an_open_connection_is_used_once_more_and_closed_in_good_order(gateway: Gateway, clock: Clock) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    connection.request("GET", "/v1/models", headers=AUTH)
    answer_of(connection.getresponse())
    clock.stop()
    gateway.process.terminate()
    assert eventually(lambda: refuses(gateway)) is not None

    connection.request("GET", "/v1/models", headers=AUTH)
    response = connection.getresponse()

    assert response.status == 200
    assert response.headers["connection"] == "close"
    response.read()
    connection.close()
    clock.go_on()
    assert gateway.process.wait(PATIENCE) == 0


def test_the_wait_is_bounded(prepare: Prepare) -> None:
    gateway = prepare("gateway.drain_seconds=12")
    gateway.allow(KEY)
    clock = Clock(gateway)
    gateway.start(run=clock.instead)
    connection, response = open_stream(gateway, b'{"stream": 100, "pause": 600}')
    gateway.process.terminate()

    assert gateway.process.wait(PATIENCE) == 0
    assert clock.seconds == 12
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    connection.close()


def test_a_second_request_to_stop_changes_nothing(gateway: Gateway) -> None:
    connection, response = open_stream(gateway, b'{"stream": 5, "pause": 600}')
    gateway.process.terminate()
    assert eventually(lambda: refuses(gateway)) is not None
    gateway.process.terminate()
    gateway.provider.go_on.release(5)

    assert response.read().endswith(b"data: 5\n\n")
    connection.close()
    assert gateway.process.wait(PATIENCE) == 0


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
        assert eventually(lambda: successor.healthy() == (0, "") and len(statuses) > 20) is not None
        gateway.process.terminate()
        assert gateway.process.wait(PATIENCE) == 0
        before = len(statuses)
        assert eventually(lambda: len(statuses) > before + 1) is not None
    finally:
        stop.set()
        client.join()

    failed = [status for status in statuses if status != 200]
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

    assert gateway.process.wait(PATIENCE) == 137
