"""What takes long passes piece by piece: streams, WebSockets and uploads."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import threading
import time

import yaml

from tests.templates.running_envoy import AUTH, JSON, KEY, PATIENCE, Gateway

TEN_MINUTES = 600


def test_a_stream_passes_piece_by_piece(gateway: Gateway) -> None:
    """The provider sends each event when the one before it has arrived."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", b'{"stream": 3, "pause": 600}', {**AUTH, **JSON})
        response = connection.getresponse()
        for number in (1, 2, 3):
            assert (response.readline(), response.readline()) == (b"data: %d\n" % number, b"\n")
            gateway.provider.go_on.release()
        assert response.read() == b""


def test_a_stream_may_last_ten_minutes_and_be_silent_as_long(gateway: Gateway) -> None:
    """Read, and not waited for: no bound on a whole answer, long ones on silence, and a replaced proxy that waits."""
    rendered = gateway.render()
    routes = yaml.safe_load(rendered["routes.yaml"].replace("@VERSION@", "x"))["resources"][0]
    led = [one["route"] for host in routes["virtual_hosts"] for one in host["routes"] if "route" in one]
    (listener,) = yaml.safe_load(rendered["envoy.yaml"])["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    drain = re.search(r"--drain-time-s (\d+)", rendered["run.sh"])

    assert len(led) > 5
    assert {one["timeout"] for one in led} == {"0s"}  # to Envoy that is none
    silences = [*(one["idle_timeout"] for one in led), manager["stream_idle_timeout"]]
    assert min(float(one.removesuffix("s")) for one in silences) >= TEN_MINUTES
    assert "max_stream_duration" not in rendered["envoy.yaml"] + rendered["clusters.yaml"] + rendered["routes.yaml"]
    assert drain
    assert int(drain[1]) >= TEN_MINUTES


def test_an_upload_passes_as_it_comes(gateway: Gateway) -> None:
    """The provider has the beginning before the client has sent the end."""
    before = len(gateway.provider.received)
    head = f"POST /v1/files HTTP/1.1\r\nHost: h\r\nHelicone-Auth: Bearer {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with gateway.connect() as client:
        client.sendall(head.encode() + b"5\r\nfirst\r\n")
        time.sleep(0.2)
        client.sendall(b"6\r\nsecond\r\n0\r\n\r\n")
        answer = client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 200")
    assert gateway.provider.received[before]["size"] == len("firstsecond")


def test_a_large_upload_passes_whole(gateway: Gateway) -> None:
    answer = gateway.ask(
        "POST", "/v1/files", {**AUTH, "Content-Type": "multipart/form-data; boundary=x"}, b"x" * (30 << 20)
    )

    assert (answer.status, answer.document["size"]) == (200, 30 << 20)


def test_a_websocket_passes_and_is_not_recorded(gateway: Gateway) -> None:
    handshake = [
        "GET /v1/realtime?model=gpt HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Helicone-Auth: Bearer {KEY}",
        "Authorization: Bearer p", "Sec-WebSocket-Protocol: realtime", "", "",
    ]  # fmt: skip
    with gateway.connect() as client:
        client.sendall("\r\n".join(handshake).encode())
        head = client.recv(65536)
        sent = os.urandom(16)
        client.sendall(sent)
        echoed = client.recv(65536)

    assert head.startswith(b"HTTP/1.1 101")
    assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in head.lower()
    assert b"helicone-recorded: no" in head.lower()
    assert echoed == sent
    seen = gateway.provider.received[-1]
    assert (seen["path"], seen["headers"]["sec-websocket-protocol"]) == ("/v1/realtime?model=gpt", "realtime")
    assert "helicone-auth" not in seen["headers"]


def test_a_websocket_without_a_key_is_refused(gateway: Gateway) -> None:
    before = len(gateway.provider.received)

    answer = gateway.raw(
        b"GET /v1/realtime HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 401")
    assert len(gateway.provider.received) == before


def test_a_client_that_goes_away_takes_nothing_with_it(gateway: Gateway) -> None:
    gateway.provider.go_on = threading.Semaphore(1)
    with gateway.connect() as client:
        body = b'{"stream": 50, "pause": 60}'
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nHelicone-Auth: Bearer {KEY}\r\n"
        head += "Helicone-Request-Id: 99999999-2222-4333-8444-555555555555\r\nContent-Type: application/json\r\n"
        client.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        came = b""
        while b"data: 2" not in came:
            came += client.recv(65536)

    gateway.provider.go_on = threading.Semaphore(0)
    assert gateway.post("/v1/chat/completions").status == 200
    record = gateway.recorder.of("99999999-2222-4333-8444-555555555555")
    assert record is not None
    assert not record.complete
    assert record.response_body.startswith(b"data: 1\n\n")
