"""Messages of one exchange become its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .bodies import Body, Shelf, decoded
from .external_processing import (
    REQUEST_BODY,
    REQUEST_HEADERS,
    REQUEST_TRAILERS,
    RESPONSE_BODY,
    RESPONSE_HEADERS,
    RESPONSE_TRAILERS,
    Splitter,
    UnreadableError,
    body,
    content,
    headers,
)
from .record import Record

_PREFIX = b"helicone-"
_REQUEST = frozenset(
    {
        b"x-gateway-id",
        b"x-gateway-key",
        b"x-gateway-provider",
        b"x-gateway-kind",
        b"x-gateway-target",
        b"x-gateway-start",
        b"content-encoding",
    },
)
_RESPONSE = frozenset({b":status", b"content-type", b"content-encoding"})
_NOTHING = b"\0"  # a prefix that no header's name has


@dataclass(slots=True)
class Counters:
    """What passed since the start. `ignored` exchanges were without an id: not to be recorded."""

    open: int = 0
    taken: int = 0
    incomplete: int = 0
    ignored: int = 0
    omitted: int = 0
    malformed: int = 0


class Assembly:
    """One exchange while it is open. `take` gets its record, once: when both sides have ended or the stream has.

    Envoy closes the stream `reset_delay` seconds after the exchange is over (`deferred_close_timeout`),
    which matters where an answer broke off: nothing else says when.

    An exchange whose bytes make no sense is counted as malformed and recorded as far as it was understood.
    """

    __slots__ = (
        "_counters",
        "_ended",
        "_first_byte",
        "_last_data",
        "_request",
        "_request_body",
        "_request_ended",
        "_reset_delay",
        "_response",
        "_response_body",
        "_splitter",
        "_started",
        "_take",
        "done",
        "received",
    )

    def __init__(
        self,
        now: float,
        shelf: Shelf,
        counters: Counters,
        take: Callable[[Record], None],
        reset_delay: float = 0.0,
    ) -> None:
        self.received = 0
        self.done = False
        self._started = self._last_data = now
        self._reset_delay = reset_delay
        self._counters = counters
        self._take = take
        self._splitter = Splitter()
        self._request: dict[str, str] = {}
        self._response: dict[str, str] = {}
        self._request_body = Body(shelf)
        self._response_body = Body(shelf)
        self._request_ended = False
        self._first_byte: float | None = None
        self._ended: float | None = None
        counters.open += 1

    def data(self, now: float, payload: bytes) -> None:
        """Take the next bytes of the stream."""
        if self.done:
            return
        self._last_data = now
        splitter = self._splitter
        shelf = self._request_body.shelf
        shelf.held -= splitter.size
        broken = False
        try:
            for message in splitter.feed(payload):
                self._message(now, message)
        except (UnreadableError, IndexError):
            self._counters.malformed += 1
            broken = True
        shelf.held += splitter.size
        if broken or (self._ended is not None and self._request_ended):
            self._finish(now)

    def closed(self, now: float) -> None:
        """Finish with what there is."""
        self._finish(max(now - self._reset_delay, self._last_data))

    def _message(self, now: float, message: bytes) -> None:
        kind, first, last = content(message)
        if kind == RESPONSE_BODY:
            chunk, end = body(message, first, last)
            if chunk and self._first_byte is None:
                self._first_byte = now
            self._response_body.add(chunk)
            if end:
                self._ended = now
        elif kind == REQUEST_BODY:
            chunk, end = body(message, first, last)
            self._request_body.add(chunk)
            self._request_ended = end
        elif kind == REQUEST_HEADERS:
            self._request, self._request_ended = headers(message, first, last, _REQUEST, _PREFIX)
        elif kind == RESPONSE_HEADERS:
            self._response, end = headers(message, first, last, _RESPONSE, _NOTHING)
            if end:
                self._ended = now
        elif kind == REQUEST_TRAILERS:
            self._request_ended = True
        elif kind == RESPONSE_TRAILERS:
            self._ended = now

    def _finish(self, now: float) -> None:
        """Hand the record over, unless that was done; an exchange without an id has none."""
        if self.done:
            return
        self.done = True
        counters = self._counters
        counters.open -= 1
        self._request_body.shelf.held -= self._splitter.size
        self._splitter = Splitter()
        record = self._record(now)
        if not record.id:
            counters.ignored += 1
            return
        counters.taken += 1
        counters.incomplete += not record.complete
        counters.omitted += bool(record.omitted)
        self._take(record)

    def _record(self, now: float) -> Record:
        request, response = self._request, self._response
        request_body, no_request = _whole(self._request_body, request)
        response_body, no_response = _whole(self._response_body, response)
        reasons = (("request", no_request), ("response", no_response))
        status = response.get(":status", "")
        return Record(
            id=request.get("x-gateway-id", ""),
            key=request.get("x-gateway-key", ""),
            provider=request.get("x-gateway-provider", ""),
            kind=request.get("x-gateway-kind", ""),
            url=request.get("x-gateway-target", ""),
            headers={
                name: value
                for name, value in request.items()
                if name.startswith("helicone-") and not name.startswith("helicone-auth")
            },
            request_body=request_body,
            response_body=response_body,
            response_type=response.get("content-type", ""),
            status=int(status) if status.isdecimal() else 0,
            started=_start(request.get("x-gateway-start", ""), self._started),
            first_byte=self._first_byte,
            ended=now if self._ended is None else self._ended,
            complete=self._ended is not None,
            omitted="; ".join(f"{side} body {reason}" for side, reason in reasons if reason),
        )


def _start(said: str, seen: float) -> float:
    """Return when the request began: as the gateway said in milliseconds, else when it was seen here.

    A busy recorder sees it later than it was. What is said is only believed if it is before that.
    """
    began = int(said) / 1000 if said.isdecimal() else seen
    return min(began, seen)


def _whole(kept: Body, of: dict[str, str]) -> tuple[bytes, str]:
    """Return a body as it was meant, and why it is missing if it is."""
    if kept.omitted:
        return b"", kept.omitted
    encoding = of.get("content-encoding")
    taken = kept.take()
    return decoded(taken, encoding, kept.shelf.body_bytes) if encoding else (taken, "")
