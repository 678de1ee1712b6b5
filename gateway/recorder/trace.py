"""A record as the body of jawn's `POST /v1/trace/custom/log`.

What jawn makes of it (customTraceManager.ts, ResponseBodyHandler.ts of the pinned Helicone):

- `providerRequest.meta` takes the place of the client's headers: properties, user, session, prompt. The user
  that an inline jawn would take from the body's `user` has to be there as well.
- jawn stores `providerResponse.textBody` as the answer where there is one, else `json`. It merges a
  stream's text when the *request's* body says `"stream": true`; `json` is therefore left out of streams,
  and `stream` is kept wherever a request's body is replaced.
- `provider` becomes the provider column as it stands (OPENAI without it), chooses the parser of the answer
  and, with the model, the price. `target_url` stays empty whatever is sent.

An answer that is text but no JSON object or list goes as that text, and jawn makes of it what it makes of it
inline. Any other body that is none goes as an object with one field: `{"text": "..."}`, `{"binary":
"audio/mpeg, 2048 bytes"}`, or `{"omitted": "why"}`. jawn takes no body above 10 MiB: a longer trace has
the request's body, then the answer's, replaced by `omitted` and what is left of model and usage.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .record import Record
from .remains import remains_of, remains_of_stream

MOST_BYTES = 10 * 1024 * 1024 - 4096
_CANCELLED = -3  # Helicone's status of an answer that broke off
_IDENTITY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_USER = "helicone-user-id"
# Names that Helicone has prices or pages for; mappings.ts. Any other name is shown as it is, at no cost.
_PARSED_THEIR_WAY = frozenset({"ANTHROPIC", "GOOGLE", "LLAMA", "VERCEL", "AWS", "BEDROCK"})
# Parsed by jawn as JSON: what is malformed there makes it answer 500 for good. It has no use after the fact.
_LEFT_OUT = frozenset({"helicone-fallbacks", "helicone-request-id", "helicone-authorization", "helicone-auth"})


def has_usable_id(record: Record) -> bool:
    """Return whether jawn keeps the record's id: for any but a UUID of version 1 to 5 it makes up its own."""
    return _IDENTITY.fullmatch(record.id) is not None


def provider_of(record: Record) -> str:
    """Return Helicone's name of the provider.

    A provider that speaks Anthropic's protocol has to be ANTHROPIC, and one that speaks OpenAI's must not
    have a name whose answers jawn reads in another way.
    """
    name = record.provider.upper() or "OPENAI"
    if record.kind == "anthropic":
        return "ANTHROPIC"
    return "OPENAI" if name in _PARSED_THEIR_WAY else name


def trace_of(record: Record) -> tuple[bytes, bool]:
    """Return the body to send, and whether it had to be shortened."""
    streamed = record.response_type.startswith("text/event-stream")
    text, parsed = _json(record.request_body)
    fields = parsed if isinstance(parsed, dict) else {}
    request, model = _request(record, streamed, text, fields)
    response, response_is_text = _response(record, streamed)
    shortened = False
    if len(request) + len(response) > MOST_BYTES and len(request) > MOST_BYTES // 10:
        request, shortened = _omitted("larger than Helicone takes", **model), True
    if len(request) + len(response) > MOST_BYTES:
        response, response_is_text, shortened = _shortened(record), False, True
    meta = json.dumps(_meta(record, streamed, fields.get("user")))
    answer = "textBody" if response_is_text else "json"
    status = record.status if record.complete or record.status >= 400 else _CANCELLED
    timing: dict[str, Any] = {"startTime": _time(record.started), "endTime": _time(record.ended)}
    if (streamed or fields.get("stream") is True) and record.first_byte is not None:
        timing["timeToFirstToken"] = max(0, _milliseconds(record.first_byte) - _milliseconds(record.started))
    parts = (
        f'{{"providerRequest":{{"url":{json.dumps(record.url)},"json":'.encode(),
        request,
        f',"meta":{meta}}},"providerResponse":{{"{answer}":'.encode(),
        response,
        f',"status":{status},"headers":{json.dumps({"content-type": record.response_type})}}}'.encode(),
        f',"timing":{json.dumps(timing)},"provider":{json.dumps(provider_of(record))}}}'.encode(),
    )
    return b"".join(parts), shortened


def _request(
    record: Record, streamed: bool, text: bytes | None, fields: dict[str, Any]
) -> tuple[bytes, dict[str, Any]]:
    """Return the request's body, and of it what stays when the rest has to go.

    A body that the client wants omitted never leaves: jawn would keep it in the object store.
    """
    kept: dict[str, Any] = {"model": fields["model"]} if isinstance(fields.get("model"), str) else {}
    if streamed or fields.get("stream") is True:
        kept["stream"] = True
    if record.headers.get("helicone-omit-request") == "true":
        return json.dumps(kept).encode(), kept
    if text is not None:
        return text, kept
    if record.omitted and not record.request_body:
        return _omitted(record.omitted, **kept), kept
    return _wrapped(record.request_body, "", kept), kept


def _response(record: Record, streamed: bool) -> tuple[bytes, bool]:
    """Return the answer's body, and whether it goes as text.

    Of an answer that the client wants omitted only what is counted leaves, as of a request.
    """
    content, media_type = record.response_body, record.response_type
    if not content:
        return (_omitted(record.omitted) if record.omitted else b"{}"), False
    if record.headers.get("helicone-omit-response") == "true":
        return _remains(content, streamed)
    if not streamed and (text := _json(content)[0]) is not None:
        return text, False
    try:
        return json.dumps(content.decode()).encode(), True
    except UnicodeDecodeError:
        if streamed or media_type.startswith(("text/", "application/json")):
            return json.dumps(content.decode("utf-8", "replace")).encode(), True
        return _wrapped(content, media_type, {}), False


def _json(body: bytes) -> tuple[bytes | None, Any]:
    """Return a body that is a JSON object or list as it stands, and parsed; (None, None) for any other."""
    try:
        parsed = json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None, None
    return (body, parsed) if isinstance(parsed, dict | list) else (None, None)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _wrapped(body: bytes, media_type: str, fields: dict[str, Any]) -> bytes:
    if not body:
        return json.dumps(fields).encode()
    try:
        return json.dumps({**fields, "text": body.decode()}).encode()
    except UnicodeDecodeError:
        return json.dumps({**fields, "binary": f"{media_type or 'unknown type'}, {len(body)} bytes"}).encode()


def _omitted(reason: str, **fields: Any) -> bytes:
    return json.dumps({**fields, "omitted": reason}).encode()


def _shortened(record: Record) -> bytes:
    """Return an answer without its content, which says why."""
    return _omitted("larger than Helicone takes", **remains_of(_json(record.response_body)[1]))


def _remains(content: bytes, streamed: bool) -> tuple[bytes, bool]:
    """Return an answer without its content, and whether it goes as text."""
    text, parsed = _json(content)
    if streamed and text is None:
        events = (_json(line[5:])[1] for line in content.split(b"\n") if line.startswith(b"data:"))
        if kept := remains_of_stream(events):
            return json.dumps(kept).encode(), True
    return json.dumps(remains_of(parsed)).encode(), False


def _meta(record: Record, streamed: bool, user: object) -> dict[str, str]:
    """Return the client's `helicone-*` headers as jawn would have seen them, and the user that the body names.

    Node reads a header's bytes as Latin-1, and jawn throws on a character beyond it.
    """
    headers = {name: value for name, value in record.headers.items() if name not in _LEFT_OUT}
    if streamed:
        headers.pop("helicone-omit-request", None)  # done here already; jawn would no longer see "stream": true
    headers["helicone-request-id"] = record.id
    seen = {name: value.encode("utf-8", "surrogateescape").decode("latin-1") for name, value in headers.items()}
    if not seen.get(_USER) and (named := _user(user)):
        seen[_USER] = named
    return {name: _UNPRINTABLE.sub("", value) for name, value in seen.items()}


def _user(user: object) -> str:
    """Return the user as text of Latin-1, the only text that the trace API takes; other characters as in a header."""
    text = json.dumps(user) if isinstance(user, bool | int) else user
    if not isinstance(text, str):
        return ""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("latin-1")
    return text


def _time(moment: float) -> dict[str, int]:
    milliseconds = _milliseconds(moment)
    return {"seconds": milliseconds // 1000, "milliseconds": milliseconds % 1000}


def _milliseconds(moment: float) -> int:
    return round(moment * 1000)  # of each moment by itself: so the first token is never later than the end
