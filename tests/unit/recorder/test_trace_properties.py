"""Whatever clients and providers send, and however the log is cut: records keep all of it, and jawn can read them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.recorder.access_log import AccessLog, Place, place_of
from gateway.recorder.rows import record_of, row_of
from gateway.recorder.trace import MOST_BYTES, trace_of
from tests.examples import examples
from tests.unit.recorder.stand_ins import record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BODIES = (
    st.binary(max_size=40)
    | JSON.map(lambda tree: json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | st.sampled_from(
        [b"NaN", b"[Infinity]", b'{"a":-Infinity}', b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b"[" * 5000]
    )
    | st.fixed_dictionaries({"model": JSON, "stream": JSON, "user": JSON}).map(lambda tree: json.dumps(tree).encode())
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "helicone-user-id",
            "helicone-property-a",
            "helicone-session-id",
            "helicone-omit-request",
            "helicone-omit-response",
        ]
    ),
    st.binary(max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape")) | st.just("true"),
)
RECORDS = st.builds(
    record,
    request_body=BODIES,
    response_body=BODIES,
    headers=HEADERS,
    response_type=st.sampled_from(["application/json", "text/event-stream", "audio/mpeg", ""]) | st.text(max_size=6),
    status=st.sampled_from([200, 400, 500]),
    complete=st.booleans(),
    omitted=st.sampled_from(["", "dropped: over 9 bytes"]),
    first_byte=st.none() | st.floats(1e9, 2e9),
)


def strictly(text: bytes) -> object:
    """Parse JSON as Node does: UTF-8 without a mark, and no word that Python alone takes for a number."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text.decode("utf-8", "strict"), parse_constant=refuse)


@given(RECORDS)
def test_every_record_is_json_that_jawn_can_read_and_within_its_bounds(one) -> None:
    body, shortened = trace_of(one)
    sent = strictly(body)
    assert set(sent) == {"providerRequest", "providerResponse", "timing", "provider"}
    assert isinstance(sent["providerRequest"]["json"], dict | list)
    assert all(isinstance(value, str) for value in sent["providerRequest"]["meta"].values())
    assert ("json" in sent["providerResponse"]) != ("textBody" in sent["providerResponse"])
    assert not shortened
    assert len(body) < MOST_BYTES


@given(RECORDS)
def test_a_record_comes_out_of_the_spool_as_it_went_in(one) -> None:
    row = row_of(one, 1.0)
    identity, _created, _taken, _bytes, key, about, request, response = row
    back = record_of((identity, key, about, request, response))
    assert back == one


LINES = st.lists(
    st.binary(min_size=1, max_size=30).map(lambda raw: raw.replace(b"\n", b"").replace(b"\0", b"") or b"x")
)


@settings(max_examples=examples(50))
@given(LINES, st.lists(st.integers(0, 60), max_size=8), st.booleans())
def test_a_log_gives_each_line_once_however_it_is_written_and_however_often_the_reader_starts_again(
    tmp_path_factory, lines: list[bytes], cuts: list[int], again: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "access.log"
    whole = b"".join(line + b"\n" for line in lines)
    found: list[bytes] = []
    log = AccessLog(path, Place())
    for part in pieces(whole, cuts):
        with path.open("ab") as file:
            file.write(part)
        while read := log.lines():
            found += [line for line, _ in read]
        log.forget(log.place)
        if again:  # as after a crash: from the place that was kept
            place = log.place.text()
            log.close()
            log = AccessLog(path, place_of(place))
    log.close()
    assert found == lines
    os.unlink(path)  # noqa: PTH108 - nothing more of it


def pieces(whole: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Yield the bytes in pieces, cut where the numbers say, one after the other."""
    place = 0
    for size in cuts:
        yield whole[place : place + size]
        place += size
    yield whole[place:]
