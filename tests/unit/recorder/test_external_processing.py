"""Envoy's messages read by hand."""

from __future__ import annotations

import struct

import pytest

from gateway.recorder.external_processing import (
    LARGEST_MESSAGE,
    REQUEST_HEADERS,
    RESPONSE_BODY,
    Splitter,
    UnreadableError,
    body,
    content,
    headers,
)

from .mirrored import body_part, field, header_part, message, number

# Taken from Envoy 1.40: request_body {"model":"m"}, then an empty one with end_of_stream.
SEEN = bytes.fromhex("0000000015220f0a0d7b226d6f64656c223a226d227d42005001") + bytes.fromhex(
    "00000000082202100142005001"
)


def read_headers(part, *wanted):
    whole = message(REQUEST_HEADERS, part)[5:]
    _, first, last = content(whole)
    return headers(whole, first, last, frozenset(wanted), b"helicone-")


def test_bytes_seen_on_the_wire():
    parts = [(content(each)[0], *body(each, *content(each)[1:])) for each in Splitter().feed(SEEN)]
    assert parts == [(4, b'{"model":"m"}', False), (4, b"", True)]


def test_messages_survive_a_cut_at_every_place():
    for cut in range(len(SEEN) + 1):
        splitter = Splitter()
        assert len(splitter.feed(SEEN[:cut]) + splitter.feed(SEEN[cut:])) == 2
        assert splitter.size == 0
    splitter = Splitter()
    assert sum(len(splitter.feed(SEEN[at : at + 1])) for at in range(len(SEEN))) == 2


def test_an_incomplete_message_says_how_much_is_held():
    splitter = Splitter()
    assert splitter.feed(SEEN[:10]) == []
    assert splitter.size == 10
    assert splitter.feed(SEEN[10:12]) == []
    assert splitter.size == 12


@pytest.mark.parametrize("content", [b"\1\0\0\0\0", b"\0" + struct.pack(">I", LARGEST_MESSAGE + 1)])
def test_compressed_and_oversized_messages_are_refused(content):
    with pytest.raises(UnreadableError):
        Splitter().feed(content)


def test_headers_by_name_and_prefix_as_raw_value_or_value():
    given = {"accept": "x" * 300, "helicone-user-id": "é" * 100, "x-id": "1", "helicone-" + "p" * 200: "long name"}
    expected = {k: v for k, v in given.items() if k != "accept"}
    for value in (2, 3):
        assert read_headers(header_part(given, value=value), b"x-id") == (expected, False)
    assert read_headers(header_part({}, end=True)) == ({}, True)


def test_repeated_headers_are_joined_and_bad_text_survives():
    twice = field(1, field(1, b"x-id") + field(3, b"a"))
    strange = field(1, field(1, b"helicone-x") + field(3, b"\xff"))
    assert read_headers(field(1, twice + twice + strange), b"x-id") == ({"x-id": "a, a", "helicone-x": "\udcff"}, False)


def test_unknown_fields_are_passed_over():
    fixed = number(15 << 3 | 5) + b"1234" + number(16 << 3 | 1) + b"12345678"
    whole = field(11, 300) + fixed + field(RESPONSE_BODY, field(9, b"?") + body_part(b"x", end=True))
    kind, first, last = content(whole)
    assert (kind, body(whole, first, last)) == (RESPONSE_BODY, (b"x", True))
    assert content(field(10, 1)) == (0, 0, 0)
    assert content(b"") == (0, 0, 0)


def read_all(content_bytes):
    """Read headers from bytes that hold none that could be read."""
    _, first, last = content(content_bytes)
    return headers(content_bytes, first, last, frozenset({b"k"}), b"helicone-")


@pytest.mark.parametrize(
    "content_bytes",
    [
        b"\x0a\x05abc",
        b"\x0b",
        b"\x80" * 12,
        b"\x80",
        b"\x0d12",
        field(2, b"\x0a\x09abc"),
        field(2, field(1, b"\x0a\x7fk")),
    ],
)
def test_nonsense_is_refused_not_misread(content_bytes):
    with pytest.raises((UnreadableError, IndexError)):
        read_all(content_bytes)
