"""The load generator against a small server of its own, which answers as a provider does, and as none should."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator

import pytest

from bench.gateway import load as loads
from bench.gateway.load import Load, request_bytes, send

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="the generator needs a C compiler")

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n"
)
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
TRUNCATED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123"


class Server:
    """Answers every request with the same bytes, a few at a time, and counts requests and connections."""

    def __init__(self, answer: bytes, piece: int, hang_up: bool) -> None:
        self.answer, self.piece, self.hang_up = answer, piece, hang_up
        self.requests = self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.socket.getsockname()[1])

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            while client.recv(65536):
                self.requests += 1
                for start in range(0, len(self.answer), self.piece):
                    client.sendall(self.answer[start : start + self.piece])
                if self.hang_up:
                    return


@pytest.fixture
def serving() -> Iterator[object]:
    servers = []

    def start(answer: bytes, piece: int = 1 << 20, hang_up: bool = False) -> Server:
        servers.append(Server(answer, piece, hang_up))
        return servers[-1]

    yield start
    for server in servers:
        server.socket.close()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    monkeypatch.setattr(loads, "CACHE", tmp_path_factory.getbasetemp() / "bench-load")


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize(("answer", "size"), [(LENGTH, 5), (CHUNKS, 19)])
def test_every_request_is_answered_once_however_the_answer_is_cut(serving, tmp_path, answer, size, piece):
    server = serving(answer, piece)
    outcome = send(server.address, {}, Load(3, 30), tmp_path / "rows")
    assert (outcome.sent, outcome.failed, len(outcome.answers), server.requests) == (30, 0, 30, 30)
    assert {(one.status, one.size) for one in outcome.answers} == {(200, size)}
    assert all(one.due <= one.first <= one.end for one in outcome.answers)
    assert server.connections == 3


def test_a_refusal_fails_and_keeps_its_status(serving, tmp_path):
    outcome = send(serving(REFUSED).address, {}, Load(2, 10), tmp_path / "rows")
    assert (outcome.sent, outcome.failed) == (10, 10)
    assert {one.status for one in outcome.answers} == {429}


def test_a_stream_that_breaks_off_has_no_status(serving, tmp_path):
    outcome = send(serving(TRUNCATED, hang_up=True).address, {}, Load(2, 6), tmp_path / "rows")
    assert outcome.failed == outcome.sent == 6
    assert {one.status for one in outcome.answers} == {0}


def test_a_server_that_closes_is_dialled_again(serving, tmp_path):
    server = serving(CLOSING, hang_up=True)
    outcome = send(server.address, {}, Load(1, 5), tmp_path / "rows")
    assert (outcome.sent, outcome.failed, server.requests) == (5, 0, 5)
    assert server.connections >= 5


def test_with_a_rate_requests_are_due_at_even_distances(serving, tmp_path):
    outcome = send(serving(LENGTH).address, {}, Load(8, 40, rate=400), tmp_path / "rows")
    assert sorted(one.due for one in outcome.answers) == [number * 2500 for number in range(40)]


def test_what_was_begun_before_the_time_is_over_is_finished(serving, tmp_path):
    server = serving(LENGTH)
    outcome = send(server.address, {}, Load(4, 10**9, seconds=2), tmp_path / "rows")
    assert outcome.sent == server.requests == len(outcome.answers) > 4
    assert outcome.failed == 0


def test_the_file_with_the_key_is_removed(serving, tmp_path):
    send(serving(LENGTH).address, {"Authorization": "Bearer k"}, Load(1, 1), tmp_path / "rows")
    assert [file.name for file in tmp_path.iterdir()] == ["rows"]


def test_a_request_says_its_length_and_asks_for_a_stream_only_when_told():
    head, _, body = request_bytes("h:1", {"Authorization": "Bearer k"}, stream=True).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"\r\nAuthorization: Bearer k" in head
    assert b'"stream": true' in body
    assert b'"stream"' not in request_bytes("h:1", {}, stream=False)
