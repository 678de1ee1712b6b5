"""Answering with JSON or with a stream of events, as the model's name and a few headers ask for it."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import answers
from aiohttp import web
from counting import MARK, STREAMS, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from answers import Body

SECONDS_BETWEEN = 0.5


async def body_of(request: web.Request) -> Body:
    """Return the JSON body, or end the request with 400."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        answer = refusal(request.path, 400, "We could not parse the JSON body of your request.")
        raise web.HTTPBadRequest(text=answer.text, content_type="application/json")
    return body


def serves(plain: Callable[[Body], Body], events: Any = None, named: bool = False, done: bool = True) -> Any:
    """Return a handler that answers with `plain(body)`, or streams `events(body)` when asked to.

    `named` events have an `event:` line, and `done` ends the stream with OpenAI's last line.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        """Answer one request, in one piece or as a stream."""
        body = await body_of(request)
        kind, number = answers.steered(body)
        if kind == "error" and 400 <= number <= 599:
            return refusal(request.path, number, f"the model's name asked for {number}")
        latency = number / 1000 if kind == "slow" else float(request.headers.get("x-lab-latency-ms", "0")) / 1000
        if events and body.get("stream"):
            frames = [frame(event, named) for event in events(body)] + ([b"data: [DONE]\n\n"] if done else [])
            return await _stream(request, frames, SECONDS_BETWEEN if kind == "stream" else latency, _cut(kind, number))
        if latency:
            await asyncio.sleep(latency)
        return packed(request, json.dumps(plain(body)).encode())

    return handle


def frame(event: Body, named: bool) -> bytes:
    """Return one server-sent event."""
    name = f"event: {event['type']}\n" if named else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def packed(request: web.Request, content: bytes) -> web.Response:
    """Return JSON text, compressed if the header x-lab-gzip asks for it and the client can read it."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if _compresses(request):
        content, headers["Content-Encoding"] = gzip.compress(content), "gzip"
    return web.Response(body=content, headers=headers)


async def _stream(request: web.Request, frames: list[bytes], pause: float, cut: int | None) -> web.StreamResponse:
    """Send the events one by one; after `cut` of them the connection is broken off."""
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", **MARK}
    packer = zlib.compressobj(wbits=31) if _compresses(request) else None
    if packer:
        headers["Content-Encoding"] = "gzip"
    response = web.StreamResponse(headers=headers) if cut is None else BrokenStream(headers=headers)
    STREAMS["begun"] += 1
    await response.prepare(request)
    for number, content in enumerate(frames[:cut]):
        if number:
            await asyncio.sleep(pause)
        await response.write(packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH) if packer else content)
    await response.write_eof(packer.flush() if packer else b"")
    STREAMS["finished"] += cut is None
    return response


class BrokenStream(web.StreamResponse):
    """A stream whose connection is torn down where its end would be."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Tear the connection down, a little later than the last event, so that this one still arrives."""
        await asyncio.sleep(0.05)
        transport = self._req.transport if self._req is not None else None
        if transport is not None:
            transport.abort()


def _cut(kind: str, number: int) -> int | None:
    return number if kind == "cut" else None


def _compresses(request: web.Request) -> bool:
    return "x-lab-gzip" in request.headers and "gzip" in request.headers.get("Accept-Encoding", "")
