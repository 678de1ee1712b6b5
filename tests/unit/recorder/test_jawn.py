"""Sending one record to jawn, and which of its addresses gets it."""

from __future__ import annotations

import dataclasses
import http.server
import socket
import threading
import time

import pytest

from gateway.recorder.connections import Connection, NoAnswerError, NotSentError
from gateway.recorder.jawn import Addresses, Fate, Jawn, fate_of
from tests.unit.recorder.stand_ins import PACE, record


def send(address, **changes):
    return Jawn(Addresses((address,), 0), PACE).send(record(**changes))


def test_a_record_is_sent_with_its_id(helicone):
    taken = record()
    attempt = Jawn(Addresses((helicone.addresses[0],), 0), PACE).send(taken)
    assert attempt.fate is Fate.GIVEN
    assert helicone.ids == [taken.id]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (200, Fate.GIVEN),
        (201, Fate.GIVEN),
        (301, Fate.NOT_GIVEN),
        (404, Fate.NOT_GIVEN),
        (429, Fate.NOT_GIVEN),
        (401, Fate.KEY_REFUSED),
        (403, Fate.KEY_REFUSED),
        (400, Fate.RECORD_REFUSED),
        (413, Fate.RECORD_REFUSED),
        (422, Fate.RECORD_REFUSED),
        (500, Fate.UNSURE),
        (504, Fate.UNSURE),
    ],
)
def test_what_a_status_means(status, fate):
    assert fate_of(status) is fate


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        ('"No API key found"', Fate.KEY_GONE),
        (r'"\"connect ECONNREFUSED 10.0.0.4:5432\""', Fate.KEY_REFUSED),
        (r'"\"getaddrinfo ENOTFOUND db\""', Fate.KEY_REFUSED),
        ("null", Fate.KEY_REFUSED),
    ],
)
def test_only_a_key_that_jawn_looked_for_is_gone(error, fate):
    assert fate_of(401, f'{{"error":{error},"trace":"isAuthenticated.error"}}'.encode()) is fate


def test_nobody_there_is_certain_and_no_answer_is_not(helicone):
    assert send("http://127.0.0.1:1").fate is Fate.NOT_GIVEN
    helicone.hangs_up = True
    assert send(helicone.addresses[0]).fate is Fate.UNSURE
    helicone.hangs_up = False
    helicone.delay = 1
    impatient = Jawn(Addresses((helicone.addresses[0],), 0), dataclasses.replace(PACE, answer_within=0.1))
    assert impatient.send(record()).fate is Fate.UNSURE


def test_senders_parse_one_record_at_a_time(monkeypatch):
    """Whatever a body is made of, the memory bears it once; the trees of all senders at once it does not."""
    entered, most = [], []

    def trace_of(_):
        entered.append(1)
        most.append(len(entered))
        time.sleep(0.01)
        entered.pop()
        return b"{", False

    monkeypatch.setattr("gateway.recorder.jawn.trace_of", trace_of)
    threads = [threading.Thread(target=send, args=("http://127.0.0.1:1",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_no_reason_holds_the_key(helicone):
    for key in ("Bearer secret\r\nx: y", "Bearer secret\u4e2d"):
        attempt = send(helicone.addresses[0], key=key)
        assert attempt.fate is Fate.HOPELESS
        assert "secret" not in attempt.reason
    assert helicone.attempts == []


def test_connections_are_kept(helicone):
    opened = []
    accept = helicone.servers[0].get_request
    helicone.servers[0].get_request = lambda: opened.append(1) or accept()
    jawn = Jawn(Addresses((helicone.addresses[0],), 0), PACE)
    for _ in range(5):
        jawn.send(record())
    assert len(opened) == 1
    jawn.close()


def test_an_address_that_failed_rests():
    addresses = Addresses(("a", "b", "c"), 60)
    assert [addresses.next() for _ in range(4)] == ["a", "b", "c", "a"]
    addresses.failed("b")
    assert [addresses.next() for _ in range(4)] == ["c", "a", "c", "a"]
    addresses.failed("a")
    addresses.failed("c")
    assert addresses.next() == "b"


def test_an_idle_connection_is_not_trusted(helicone, monkeypatch):
    monkeypatch.setattr("gateway.recorder.connections._IDLE_SECONDS", 0)
    connection = Connection(helicone.addresses[1], 1, 1)
    opened = []
    connect = connection._connect  # noqa: SLF001
    monkeypatch.setattr(connection, "_connect", lambda: opened.append(1) or connect())
    for _ in range(3):
        connection.post("/", b"", {"X-ClickHouse-Key": "made-up"})
    assert len(opened) == 3


def test_a_connection_tells_what_never_left_from_what_may_have_arrived():
    with pytest.raises(NotSentError):
        Connection("http://127.0.0.1:1", 1, 1).post("/", b"", {})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = Connection(f"http://127.0.0.1:{silent.getsockname()[1]}", 1, 0.1)
        with pytest.raises(NoAnswerError):
            connection.post("/", b"", {})


def test_an_answer_cut_short_is_no_answer():
    class Short(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Short) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(NoAnswerError):
            Connection(f"http://127.0.0.1:{server.server_port}", 1, 1).post("/", b"", {})


def test_a_key_that_is_gone_is_told_from_a_database_that_is():
    assert fate_of(401, b'{"error":"No API key found","trace":"isAuthenticated.error"}') is Fate.KEY_GONE
    assert fate_of(401, b'{"error":"connect ECONNREFUSED","trace":"isAuthenticated.error"}') is Fate.KEY_REFUSED
