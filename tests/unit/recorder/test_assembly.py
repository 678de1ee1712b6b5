"""Messages become records."""

from __future__ import annotations

import gzip
import zlib

import pytest

from gateway.recorder.assembly import Assembly, Counters
from gateway.recorder.bodies import Shelf

from .mirrored import CLIENT, PROVIDER, body_part, header_part, message, request, response


class Bench:
    """Makes assemblies on one shelf and keeps their records."""

    def __init__(self, body_bytes=1000, memory_bytes=10_000):
        self.shelf = Shelf(body_bytes, memory_bytes)
        self.counters = Counters()
        self.records = []

    def open(self, now=1.0, reset_delay=0.0):
        return Assembly(now, self.shelf, self.counters, self.records.append, reset_delay)

    def run(self, *parts):
        assembly = self.open()
        for second, part in enumerate(parts, 2):
            assembly.data(float(second), part)
        assembly.closed(99.0)
        assert self.shelf.held == 0
        assert not self.shelf.bodies
        assert self.counters.open == 0
        return self.records[-1] if self.records else None


@pytest.fixture
def bench():
    return Bench()


def test_a_whole_exchange(bench):
    answer = [message(3, header_part(PROVIDER)), message(5, body_part(b"ab")), message(5, body_part(b"c", end=True))]
    record = bench.run(request(), *answer)
    assert (record.id, record.key, record.provider, record.kind) == ("id-1", "Bearer sk-helicone-a", "openai", "openai")
    assert record.url == CLIENT["x-gateway-target"]
    assert record.headers == {"helicone-user-id": "ada"}
    assert (record.request_body, record.response_body) == (b'{"model":"m"}', b"abc")
    assert (record.response_type, record.status) == ("application/json", 200)
    assert (record.started, record.first_byte, record.ended) == (1.0, 4.0, 5.0)
    assert record.complete
    assert record.omitted == ""
    assert bench.counters == Counters(taken=1)


@pytest.mark.parametrize(
    ("said", "started"),
    [("250", 0.25), ("9999999", 1.0), ("", 1.0), ("soon", 1.0)],
    ids=["before it was seen", "after it was seen", "nothing", "nonsense"],
)
def test_a_request_began_when_the_gateway_says_unless_that_cannot_be(bench, said, started):
    record = bench.run(request(CLIENT | {"x-gateway-start": said}), response())
    assert record.started == started


def test_keys_are_no_headers_of_the_record(bench):
    given = CLIENT | {"helicone-authorization": "Bearer x", "helicone-property-app": "a"}
    record = bench.run(request(given), response())
    assert record.headers == {"helicone-user-id": "ada", "helicone-property-app": "a"}


def test_a_record_is_taken_when_the_response_ends_not_when_the_stream_does(bench):
    assembly = bench.open()
    assembly.data(2.0, request() + response())
    assert len(bench.records) == 1
    assembly.data(3.0, response())
    assembly.closed(4.0)
    assert len(bench.records) == 1
    assert bench.records[0].ended == 2.0


def test_a_response_before_the_requests_end_waits_for_the_request(bench):
    head = message(2, header_part(CLIENT)) + message(4, body_part(b"ab"))
    record = bench.run(head, response(), message(4, body_part(b"c", end=True)))
    assert (record.request_body, record.ended, record.complete) == (b"abc", 3.0, True)


@pytest.mark.parametrize(
    "end",
    [message(3, header_part(PROVIDER, end=True)), message(3, header_part(PROVIDER)) + message(7, b"")],
    ids=["no body", "trailers"],
)
def test_other_ends_of_a_response(bench, end):
    record = bench.run(request(), end)
    assert (record.complete, record.response_body, record.first_byte) == (True, b"", None)


def test_an_answer_that_broke_off_is_kept_and_ended_when_envoy_saw_it(bench):
    assembly = bench.open(reset_delay=0.5)
    assembly.data(2.0, request() + message(3, header_part(PROVIDER)) + message(5, body_part(b"ab")))
    assembly.closed(9.0)
    record = bench.records[0]
    assert (record.complete, record.response_body, record.ended) == (False, b"ab", 8.5)
    assert bench.counters.incomplete == 1


def test_the_end_is_never_before_the_last_bytes(bench):
    assembly = bench.open(reset_delay=0.5)
    assembly.data(8.8, request())
    assembly.closed(9.0)
    assert (bench.records[0].ended, bench.records[0].status) == (8.8, 0)


def test_without_an_id_there_is_no_record(bench):
    given = {k: v for k, v in CLIENT.items() if k != "x-gateway-id"}
    assert bench.run(request(given), response()) is None
    assert bench.counters == Counters(ignored=1)


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda body: zlib.compress(body, wbits=-15))],
    ids=["gzip", "zlib", "raw deflate"],
)
def test_compressed_bodies(bench, encoding, encode):
    asked = request(CLIENT | {"content-encoding": encoding}, encode(b'{"model":"m"}'))
    record = bench.run(asked, response(encode(b'{"id":1}'), PROVIDER | {"content-encoding": encoding}))
    assert (record.request_body, record.response_body, record.omitted) == (b'{"model":"m"}', b'{"id":1}', "")


def test_gzip_that_broke_off_gives_what_there_is(bench):
    body = gzip.compress(b"a" * 200, compresslevel=0)[:100]
    record = bench.run(request(), response(body, PROVIDER | {"content-encoding": "gzip"}))
    assert set(record.response_body) == {ord("a")}


def test_gzip_of_several_members(bench):
    body = gzip.compress(b"a") + gzip.compress(b"b")
    assert bench.run(request(), response(body, PROVIDER | {"content-encoding": "gzip"})).response_body == b"ab"


@pytest.mark.parametrize(
    ("encoding", "body", "reason"),
    [
        ("gzip", gzip.compress(b"a" * 100_000), "response body dropped: over 1000 bytes when decompressed"),
        ("gzip", b"not gzip", "response body dropped: not valid gzip"),
        ("br", b"?", "response body dropped: encoded as br"),
    ],
)
def test_what_cannot_be_decompressed_is_omitted(bench, encoding, body, reason):
    record = bench.run(request(), response(body, PROVIDER | {"content-encoding": encoding}))
    assert (record.response_body, record.omitted, record.complete) == (b"", reason, True)
    assert record.request_body
    assert bench.counters.omitted == 1


def test_a_body_over_its_bound_is_dropped_and_the_record_kept(bench):
    record = bench.run(request(body=b"x" * 1001), response())
    assert (record.request_body, record.response_body) == (b"", b'{"id":1}')
    assert record.omitted == "request body dropped: over 1000 bytes"


def test_the_largest_bodies_go_when_all_are_too_much():
    bench = Bench(body_bytes=1000, memory_bytes=2000)
    sizes = [300, 900, 200, 700]
    open_ones = [bench.open() for _ in sizes]
    for size, each in zip(sizes, open_ones, strict=True):
        each.data(2.0, request(body=b"x" * size))
    assert bench.shelf.held == 1200
    for each in open_ones:
        each.data(3.0, response(b""))
    assert [len(record.request_body) for record in bench.records] == [300, 0, 200, 700]
    assert [bool(record.omitted) for record in bench.records] == [False, True, False, False]
    assert bench.shelf.held == 0


def test_nonsense_ends_the_record_there_and_is_counted(bench):
    record = bench.run(request(), b"\0\0\0\0\x02\x2a\x7f", response())
    assert (record.complete, record.request_body, record.status) == (False, b'{"model":"m"}', 0)
    assert (bench.counters.malformed, bench.counters.taken) == (1, 1)


def test_a_message_that_never_came_whole_holds_no_memory(bench):
    record = bench.run(request(), response()[:-3])
    assert not record.complete
