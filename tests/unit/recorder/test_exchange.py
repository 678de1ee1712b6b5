"""Files of exchanges become records."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib

import pytest

from gateway.recorder.exchange import UnreadableError, record_of

from .mirrored import HEAD, part, request, response


def read(content, ended=3.0, body_bytes=1000):
    return record_of(content, ended, body_bytes)


def test_a_whole_exchange():
    headers = [("helicone-user-id", "ada"), ("helicone-property-a", "1"), ("helicone-property-a", "2")]
    record = read(request(headers=headers) + response())
    assert (record.id, record.key, record.provider, record.kind) == ("id-1", "Bearer sk-helicone-a", "openai", "openai")
    assert record.url == HEAD["url"]
    assert record.headers == {"helicone-user-id": "ada", "helicone-property-a": "1, 2"}
    assert (record.request_body, record.response_body) == (b'{"model":"m"}', b'{"id":1}')
    assert (record.response_type, record.status) == ("application/json", 200)
    assert (record.started, record.first_byte, record.ended) == (1.0, 1.5, 3.0)
    assert record.complete
    assert record.omitted == ""


def test_pieces_come_together_in_whatever_order_the_sides_wrote():
    content = request(b"a") + part("A", "200\0\0") + part("R", b"1") + part("Q", b"b") + part("R", b"2") + part("E")
    record = read(content)
    assert (record.request_body, record.response_body, record.complete) == (b"ab", b"12", True)


def test_a_body_in_tiny_pieces_takes_no_more_memory_than_its_file():
    content = request(b"") + part("Q", b"a") * 100_000 + response()
    tracemalloc.start()
    record = read(content)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert record.request_body == b"a" * 100_000
    assert most < len(content)


def test_an_answer_without_a_body_is_complete():
    record = read(request() + response(b""))
    assert (record.complete, record.response_body, record.first_byte) == (True, b"", None)


@pytest.mark.parametrize("cut", range(1, 60))
def test_wherever_it_broke_off_what_is_whole_is_kept(cut):
    whole = request() + response()
    record = read(whole[:-cut])
    assert not record.complete
    assert record.request_body == b'{"model":"m"}'
    assert record.response_body in {b'{"id":1}', b""}


def test_the_end_is_never_before_what_came():
    assert read(request(started=5.0) + response(first=6.0), ended=3.0).ended == 6.0


@pytest.mark.parametrize(
    "content",
    [b"", b"H", part("A", "200\0\0") + part("E"), part("H", "1\0id"), request(id=""), b"Hxxxxxxxxx" + request()],
    ids=["nothing", "no part", "no request", "a short head", "no id", "no length"],
)
def test_what_does_not_say_whose_it_was_is_unreadable(content):
    with pytest.raises(UnreadableError):
        read(content)


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda body: zlib.compress(body, wbits=-15))],
    ids=["gzip", "zlib", "raw deflate"],
)
def test_compressed_bodies(encoding, encode):
    asked = request(encode(b'{"model":"m"}'), encoding=encoding)
    record = read(asked + response(encode(b'{"id":1}'), encoding=encoding))
    assert (record.request_body, record.response_body, record.omitted) == (b'{"model":"m"}', b'{"id":1}', "")


def test_gzip_that_broke_off_gives_what_there_is():
    body = gzip.compress(b"a" * 200, compresslevel=0)[:100]
    assert set(read(request() + response(body, encoding="gzip")).response_body) == {ord("a")}


def test_a_body_of_nothing_but_small_members_or_layers_does_not_keep_the_recorder_busy():
    """Whoever sends one would keep all other records waiting: it took fourteen seconds, or minutes."""
    members = gzip.compress(b"") * 200_000
    layers = b"{}"
    for _ in range(40):
        layers = gzip.compress(layers)
    started = time.process_time()
    empty = record_of(request() + response(members, encoding="gzip"), 2.0, 1 << 22)
    layered = record_of(request() + response(layers, encoding=", ".join(["gzip"] * 40)), 2.0, 1 << 22)
    assert time.process_time() - started < 5
    assert (empty.response_body, empty.omitted) == (b"", "")
    assert layered.omitted == "response body dropped: encoded 40 times"


def test_gzip_of_several_members():
    body = gzip.compress(b"a") + gzip.compress(b"b")
    assert read(request() + response(body, encoding="gzip")).response_body == b"ab"


@pytest.mark.parametrize(
    ("encoding", "body", "reason"),
    [
        ("gzip", gzip.compress(b"a" * 100_000), "response body dropped: over 1000 bytes when decompressed"),
        ("gzip", b"not gzip", "response body dropped: not valid gzip"),
        ("br", b"?", "response body dropped: encoded as br"),
    ],
)
def test_what_cannot_be_decompressed_is_omitted(encoding, body, reason):
    record = read(request() + response(body, encoding=encoding))
    assert (record.response_body, record.omitted, record.complete) == (b"", reason, True)
    assert record.request_body


def test_a_body_that_the_gateway_cut_at_the_bound_is_left_out():
    record = read(request(b"x" * 900) + part("q") + response())
    assert (record.request_body, record.response_body) == (b"", b'{"id":1}')
    assert record.omitted == "request body dropped: over 1000 bytes"
