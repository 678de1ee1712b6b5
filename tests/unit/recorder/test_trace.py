"""The body for jawn's trace API."""

from __future__ import annotations

import json

import pytest

from gateway.recorder.trace import MOST_BYTES, has_usable_id, provider_of, trace_of
from tests.unit.recorder.stand_ins import record

STREAM = b'data: {"choices":[{"delta":{"content":"\xc3\xa9"}}]}\n\ndata: [DONE]\n\n'


def trace(**changes):
    return json.loads(trace_of(record(**changes))[0])


def test_a_plain_call():
    sent = trace(started=1700000000.123, ended=1700000001.5, id="11111111-1111-4111-8111-111111111111")
    assert sent["providerRequest"]["json"] == {"model": "m", "messages": []}
    assert sent["providerRequest"]["meta"] == {
        "helicone-user-id": "someone",
        "helicone-request-id": "11111111-1111-4111-8111-111111111111",
    }
    assert sent["providerResponse"]["json"]["usage"] == {"prompt_tokens": 1, "completion_tokens": 2}
    assert sent["providerResponse"]["status"] == 200
    assert sent["providerResponse"]["headers"] == {"content-type": "application/json"}
    assert sent["timing"] == {
        "startTime": {"seconds": 1700000000, "milliseconds": 123},
        "endTime": {"seconds": 1700000001, "milliseconds": 500},
    }
    assert sent["provider"] == "OPENAI"


def test_a_stream_goes_as_its_text_and_with_its_first_token():
    sent = trace(
        request_body=b'{"model":"m","stream":true}',
        response_body=STREAM,
        response_type="text/event-stream; charset=utf-8",
        started=10.0,
        first_byte=10.25,
    )
    assert sent["providerResponse"]["textBody"] == STREAM.decode()
    assert "json" not in sent["providerResponse"]
    assert sent["timing"]["timeToFirstToken"] == 250


def test_a_body_passes_byte_for_byte():
    body = b'{"n": 12345678901234567890.10, "t": "\\ud83d\\ude00\xe4\xb8\xad"}'
    assert body in trace_of(record(request_body=body))[0]


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"<html>bad gateway</html>", "text/html", "<html>bad gateway</html>"),
        (b'{"broken": ', "application/json", '{"broken": '),
        (b"[NaN]", "application/json", "[NaN]"),
        (b"17", "application/json", "17"),
        (b"[" * 100_000, "application/json", "[" * 100_000),
        (b'{"t": "\xff"}', "application/json", '{"t": "\ufffd"}'),
    ],
)
def test_an_answer_that_is_no_json_goes_as_its_text(body, kind, text):
    answer = trace(response_body=body, response_type=kind)["providerResponse"]
    assert answer["textBody"] == text
    assert "json" not in answer


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [(b"\xff\xfb\x90", "audio/mpeg", {"binary": "audio/mpeg, 3 bytes"}), (b"", "", {})],
)
def test_an_answer_that_is_no_text_has_its_shape(body, kind, shown):
    assert trace(response_body=body, response_type=kind)["providerResponse"]["json"] == shown


@pytest.mark.parametrize("body", [b'{"broken": ', b"17"])
def test_a_request_that_is_no_json_has_its_shape(body):
    assert trace(request_body=body)["providerRequest"]["json"] == {"text": body.decode()}


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("ann", "ann"),
        ("Zo\u00eb", "Zo\u00eb"),
        ("\u7528", b"\xe7\x94\xa8".decode("latin-1")),
        (17, "17"),
        (True, "true"),
        ("a\nb", "ab"),
        (None, None),
        ({"id": 1}, None),
    ],
)
def test_the_user_of_the_body_stands_in_for_a_missing_header(user, shown):
    body = json.dumps({"model": "m", "user": user}).encode()
    for headers in ({}, {"helicone-user-id": ""}):
        meta = trace(headers=headers, request_body=body)["providerRequest"]["meta"]
        assert (meta.get("helicone-user-id") or None) == shown
    both = trace(headers={"helicone-user-id": "header"}, request_body=body)["providerRequest"]["meta"]
    assert both["helicone-user-id"] == "header"


def test_the_user_stays_when_the_request_is_omitted():
    meta = trace(headers={"helicone-omit-request": "true"}, request_body=b'{"model":"m","user":"ann"}')
    assert meta["providerRequest"]["meta"]["helicone-user-id"] == "ann"


def test_a_stream_answered_by_an_error_has_a_first_token():
    sent = trace(request_body=b'{"stream":true}', status=429, started=10.0, first_byte=10.25)
    assert sent["timing"]["timeToFirstToken"] == 250


def test_an_omitted_body_says_why():
    sent = trace(request_body=b"", response_body=b"", omitted="request larger than 10 MiB")
    assert sent["providerRequest"]["json"] == {"omitted": "request larger than 10 MiB"}
    assert sent["providerResponse"]["json"] == {"omitted": "request larger than 10 MiB"}


def test_a_stream_whose_request_is_gone_is_still_merged():
    sent = trace(request_body=b"", response_body=STREAM, response_type="text/event-stream", omitted="too large")
    assert sent["providerRequest"]["json"] == {"stream": True, "omitted": "too large"}


def test_a_request_that_is_to_be_omitted_never_leaves():
    body = b'{"model":"m","stream":true,"messages":["secret"]}'
    plain = trace(headers={"helicone-omit-request": "true"}, request_body=body)
    assert plain["providerRequest"]["json"] == {"model": "m", "stream": True}
    assert plain["providerRequest"]["meta"]["helicone-omit-request"] == "true"
    streamed = trace(
        headers={"helicone-omit-request": "true"},
        request_body=body,
        response_body=STREAM,
        response_type="text/event-stream",
    )
    assert streamed["providerRequest"]["json"] == {"model": "m", "stream": True}
    assert "helicone-omit-request" not in streamed["providerRequest"]["meta"]


OMIT_ANSWER = {"helicone-omit-response": "true"}


def test_of_an_answer_that_is_to_be_omitted_only_what_is_counted_leaves():
    usage = {"input_tokens": 7, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 2}}
    told = {"id": "r1", "model": "m2", "usage": usage}
    output = [{"type": "web_search_call", "q": "secret"}, {"type": "message", "content": "secret"}]
    body = json.dumps({**told, "choices": [{"message": "secret"}], "text": "secret", "output": output}).encode()
    sent = trace(headers=OMIT_ANSWER, response_body=body)
    assert sent["providerResponse"]["json"] == {
        **told,
        "choices": [],
        "output": [{"type": "web_search_call"}, {"type": "message"}],
    }
    assert sent["providerRequest"]["json"] == {"model": "m", "messages": []}
    assert sent["providerRequest"]["meta"]["helicone-omit-response"] == "true"
    assert "json" in trace(headers={"helicone-omit-response": "false"}, response_body=body)["providerResponse"]


@pytest.mark.parametrize(
    ("events", "kept"),
    [
        (
            [
                {"id": "c", "model": "m2", "choices": [{"delta": {"content": "secret"}}], "usage": None},
                {"id": "c", "model": "m2", "choices": [{"delta": {"content": "secret too"}}], "usage": None},
                {"id": "c", "model": "m2", "choices": [], "usage": {"prompt_tokens": 3}},
            ],
            [
                {"id": "c", "model": "m2", "usage": None, "choices": []},
                {"id": "c", "model": "m2", "usage": {"prompt_tokens": 3}, "choices": []},
            ],
        ),
        (
            [
                {
                    "type": "message_start",
                    "message": {"model": "m2", "content": ["secret"], "usage": {"input_tokens": 3}},
                },
                {"type": "content_block_start", "content_block": {"text": "secret"}},
                {"type": "content_block_delta", "delta": {"text": "secret"}},
                {"type": "message_delta", "delta": {"stop_reason": "secret"}, "usage": {"output_tokens": 4}},
                {"type": "message_stop"},
                {"type": "error", "error": {"message": "secret"}},
            ],
            [
                {"type": "message_start", "message": {"model": "m2", "usage": {"input_tokens": 3}}},
                {"type": "message_delta", "usage": {"output_tokens": 4}, "delta": {}},
                {"type": "error", "error": {}},
            ],
        ),
        (
            [
                {"type": "response.created", "response": {"model": "m2", "instructions": "secret"}},
                {"type": "response.output_text.delta", "delta": "secret"},
                {
                    "type": "response.completed",
                    "response": {"model": "m2", "text": "secret", "usage": {"input_tokens": 3}},
                },
            ],
            [
                {"type": "response.created", "response": {"model": "m2"}},
                {"type": "response.completed", "response": {"model": "m2", "usage": {"input_tokens": 3}}},
            ],
        ),
    ],
    ids=["chat", "messages", "responses"],
)
def test_of_a_stream_that_is_to_be_omitted_only_what_is_counted_leaves(events, kept):
    body = "".join(f"event: x\r\ndata: {json.dumps(event)}\r\n\r\n" for event in events) + 'data: {"cut": "secret'
    sent = trace(
        headers=OMIT_ANSWER,
        request_body=b'{"model":"m","stream":true}',
        response_body=body.encode(),
        response_type="text/event-stream",
    )
    lines = sent["providerResponse"]["textBody"].split("\n\n")
    assert [json.loads(line.removeprefix("data: ")) for line in lines[:-2]] == kept
    assert lines[-2:] == ["data: [DONE]", ""]


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "audio/mpeg"])
@pytest.mark.parametrize("body", [b'["secret"]', b'{"text": "secret', b"secret", b"data: secret\n\n", b"secret\xff"])
def test_nothing_leaves_of_an_omitted_answer_that_tells_nothing(body, kind):
    assert trace(headers=OMIT_ANSWER, response_body=body, response_type=kind)["providerResponse"]["json"] == {}


def test_headers_that_jawn_would_stumble_over():
    meta = trace(
        headers={
            "helicone-fallbacks": "{not json",
            "helicone-authorization": "{}",
            "helicone-request-id": "another",
            "helicone-property-city": "北京",
            "helicone-property-line": "a\r\nb\tc",
        },
    )["providerRequest"]["meta"]
    assert set(meta) == {"helicone-request-id", "helicone-property-city", "helicone-property-line"}
    assert meta["helicone-request-id"] != "another"
    assert meta["helicone-property-city"].encode("latin-1").decode() == "北京"
    assert meta["helicone-property-line"] == "ab\tc"


def test_an_answer_that_broke_off_has_helicones_status_for_that():
    assert trace(complete=False)["providerResponse"]["status"] == -3
    assert trace(complete=False, status=502)["providerResponse"]["status"] == 502


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("openai", "openai", "OPENAI"),
        ("", "openai", "OPENAI"),
        ("anthropic", "anthropic", "ANTHROPIC"),
        ("claude-proxy", "anthropic", "ANTHROPIC"),
        ("modelscope", "openai", "MODELSCOPE"),
        ("deepseek", "openai", "DEEPSEEK"),
        ("google", "openai", "OPENAI"),
    ],
)
def test_the_provider(name, kind, shown):
    assert provider_of(record(provider=name, kind=kind)) == shown


def test_a_trace_too_long_loses_its_request_first():
    big = json.dumps({"model": "m", "stream": False, "messages": ["x" * (MOST_BYTES // 2)]}).encode()
    answer = json.dumps({"model": "m2", "usage": {"prompt_tokens": 7}, "data": "y" * (MOST_BYTES // 2)}).encode()
    body, shortened = trace_of(record(request_body=big, response_body=answer))
    sent = json.loads(body)
    assert shortened
    assert len(body) < 10 * 1024 * 1024
    assert sent["providerRequest"]["json"] == {"model": "m", "omitted": "larger than Helicone takes"}
    assert sent["providerResponse"]["json"]["usage"] == {"prompt_tokens": 7}
    assert len(sent["providerResponse"]["json"]["data"]) == MOST_BYTES // 2


def test_an_answer_too_long_keeps_its_usage():
    answer = json.dumps({"model": "m2", "usage": {"prompt_tokens": 7}, "data": "y" * MOST_BYTES}).encode()
    body, shortened = trace_of(record(response_body=answer))
    sent = json.loads(body)
    assert shortened
    assert sent["providerRequest"]["json"] == {"model": "m", "messages": []}
    assert sent["providerResponse"]["json"] == {
        "model": "m2",
        "usage": {"prompt_tokens": 7},
        "omitted": "larger than Helicone takes",
    }


@pytest.mark.parametrize(
    ("identity", "usable"),
    [
        ("11111111-1111-4111-8111-111111111111", True),
        ("11111111-1111-4111-8111-11111111111A", True),
        ("11111111-1111-7111-8111-111111111111", False),
        ("11111111-1111-4111-c111-111111111111", False),
        ("x", False),
    ],
)
def test_ids_that_helicone_keeps(identity, usable):
    assert has_usable_id(record(id=identity)) is usable
