"""What the gateway may use up, in the real Envoy: memory for what clients do not fetch, and files."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

from tests.templates.http2_frames import PREFACE, block, frame
from tests.templates.running_envoy import AUTH, JSON, PATIENCE, Gateway, eventually

MEMORY, MIRROR = 256, 128  # MiB of the container, and of it what recorded requests may take
CLIENTS = 200
STREAMS = 100  # of one connection of HTTP/2 at once
CONNECTIONS = 6  # what is asked for on so many takes more memory than there is
REFUSED = (7).to_bytes(4)  # RFC 9113, section 7


def test_clients_that_fetch_nothing_take_no_memory_that_others_need(started: Callable[..., Gateway]) -> None:
    gateway = started(f"gateway.memory={MEMORY}m", f"recorder.mirror={MIRROR}m")
    with contextlib.ExitStack() as lazy:
        for _ in range(CLIENTS):
            lazy.enter_context(asked_for_much(gateway))
        assert eventually(lambda: len(gateway.provider.received) == CLIENTS) is not None
        highest = max(held(gateway) for _ in range(50) if eventually(lambda: False, 0.05) is None)

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


def test_the_kernel_keeps_little_for_a_client_that_fetches_nothing(started: Callable[..., Gateway]) -> None:
    gateway = started()
    with asked_for_much(gateway) as client:
        assert eventually(lambda: is_still(lambda: sent_to_clients(gateway))) is not None
        gateway.stop()  # what was on its way to the client by then still arrives
        came = b"".join(iter(lambda: client.recv(1 << 16), b""))

    assert 0 < len(came) < 300 << 10


def test_streams_that_nobody_fetches_end_before_others_are_refused(started: Callable[..., Gateway]) -> None:
    gateway = started(f"gateway.memory={MEMORY}m", f"recorder.mirror={MIRROR}m")
    with contextlib.ExitStack() as lazy:
        patient = lazy.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port)))
        patient.request("POST", "/v1/chat/completions", json.dumps({"stream": 10, "pause": PATIENCE}), {**AUTH, **JSON})
        long_answer = patient.getresponse()
        long_answer.readline()

        for _ in range(CONNECTIONS):
            lazy.enter_context(streams_without_room(gateway, STREAMS))
        assert eventually(lambda: asked(gateway) > CONNECTIONS * STREAMS) is not None
        assert eventually(lambda: 0 < in_use(gateway) < MEMORY - MIRROR) is not None
        assert eventually(lambda: gateway.post("/v1/chat/completions").status == 200) is not None

        assert ended_for_memory(gateway) > 0
        assert {gateway.post("/v1/chat/completions").status for _ in range(20)} == {200}
        assert in_use(gateway) < MEMORY - MIRROR
        gateway.provider.go_on.release(10)
        assert long_answer.read().endswith(b"data: 10\n\n")


def test_a_connection_of_http2_has_a_hundred_streams_at_once(started: Callable[..., Gateway]) -> None:
    gateway = started()
    with streams_without_room(gateway, STREAMS + 1) as client:
        came = b""
        while frame(3, 0, 2 * STREAMS + 1, REFUSED) not in came:
            part = client.recv(1 << 16)
            assert part
            came += part
        assert eventually(lambda: len(gateway.provider.received) == STREAMS) is not None


def streams_without_room(gateway: Gateway, count: int) -> socket.socket:
    """Return a connection of HTTP/2 with requests for 8 MiB each, of a client that has no room for any answer."""
    body = json.dumps({"megabytes": 8}).encode()
    given = {":method": "POST", ":scheme": "http", ":authority": "h", ":path": "/v1/chat/completions", **JSON, **AUTH}
    head = block(*((name.lower(), value) for name, value in given.items()))
    client = gateway.connect()
    client.sendall(PREFACE + frame(4, 0, 0, (4).to_bytes(2) + (0).to_bytes(4)))  # SETTINGS_INITIAL_WINDOW_SIZE
    for stream in range(1, 2 * count, 2):
        client.sendall(frame(1, 0x4, stream, head) + frame(0, 0x1, stream, body))
    return client


def is_still(count: Callable[[], int]) -> bool:
    """Return whether there is something to count, and for half a second no more of it."""
    before = count()
    return before > 0 and eventually(lambda: count() > before, 0.5) is None


def sent_to_clients(gateway: Gateway) -> int:
    """Return how many bytes the kernel has taken for clients."""
    return counter(gateway, "http.gateway.downstream_cx_tx_bytes_total")


def asked(gateway: Gateway) -> int:
    """Return how many requests have come in."""
    return counter(gateway, "http.gateway.downstream_rq_total")


def ended_for_memory(gateway: Gateway) -> int:
    """Return how many streams Envoy ended because they held too much."""
    return counter(gateway, "envoy.overload_actions.reset_high_memory_stream.count")


def counter(gateway: Gateway, name: str) -> int:
    return int(gateway.admin(f"/stats?filter=^{name}$").split()[-1])


def in_use(gateway: Gateway) -> int:
    """Return the MiB of memory that Envoy uses now; what it has given up stays its own for a while."""
    return int(json.loads(gateway.admin("/memory"))["allocated"]) >> 20


def held(gateway: Gateway) -> int:
    """Return the MiB of memory that Envoy holds, without its code, which the kernel may drop."""
    status = Path(f"/proc/{process(gateway)}/status").read_text()
    return int(re.findall(r"RssAnon:\s+(\d+)", status)[0]) >> 10


def process(gateway: Gateway) -> int:
    return int((gateway.folder / "envoy").read_text())


def test_it_may_open_as_many_files_as_the_machine_allows(started: Callable[..., Gateway], prepare) -> None:
    gateway = prepare()
    gateway.start(run=lambda text: f"ulimit -Sn 512\n{text}")

    limits = Path(f"/proc/{process(gateway)}/limits").read_text()
    soft, hard = re.findall(r"Max open files +(\d+) +(\d+)", limits)[0]
    assert soft == hard
