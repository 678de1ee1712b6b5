"""STAND-IN for model providers (lab only): an HTTP server in the shape of OpenAI's and Anthropic's APIs.

One process stands for all providers, told apart by how a path begins (`counting.PREFIXES`). Model names steer
it: `error-429` answers that status; `slow-500` waits so many milliseconds before the answer or between the events
of a stream, as the header x-lab-latency-ms does for any model; `stream-20` streams an event each half second for
so many seconds; `cut-3` breaks a stream off after so many events; `size-100` says so many kilobytes. The header
x-lab-gzip asks for a compressed answer. GET /lab/hits tells what was asked, POST /lab/reset forgets it.
"""

from __future__ import annotations

import hashlib
from typing import Any

import answers
import anthropic_answers
import keeping
import response_answers
import uvloop
from aiohttp import WSMsgType, web
from counting import MARK, PREFIXES, count, hits, refusal, reset
from serving import body_of, serves

MODELS = ("gpt-4o-mini", "gpt-4o", "Qwen/Qwen3-32B", "qwen-plus", "deepseek-chat")


async def models(request: web.Request) -> web.Response:
    """List the models, or show one."""
    entries = [{"id": name, "object": "model", "created": 1700000000, "owned_by": "lab"} for name in MODELS]
    wanted = request.match_info.get("name")
    if wanted is None:
        return web.json_response({"object": "list", "data": entries})
    found = next((entry for entry in entries if entry["id"] == wanted), None)
    return web.json_response(found) if found else refusal(request.path, 404, f"The model '{wanted}' does not exist")


async def anthropic_models(request: web.Request) -> web.Response:
    """List Anthropic's models, or show one."""
    found = anthropic_answers.models(request.match_info.get("name"))
    return web.json_response(found) if found else refusal(request.path, 404, "model not found")


async def transcription(request: web.Request) -> web.Response:
    """Take a multipart recording, and answer as JSON or as the text alone."""
    form = await request.post()
    if not hasattr(form.get("file"), "file"):
        return refusal(request.path, 400, "the form has no file")
    if form.get("response_format") == "text":
        return web.Response(text=f"{answers.SENTENCE}\n")
    return web.json_response({"text": answers.SENTENCE, "usage": {"type": "duration", "seconds": 1}})


async def speech(request: web.Request) -> web.StreamResponse:
    """Answer with bytes that are no text, in a few parts and without a length."""
    await body_of(request)
    response = web.StreamResponse(headers={"Content-Type": "audio/mpeg", **MARK})
    await response.prepare(request)
    for start in range(0, len(response_answers.SOUND), 4096):
        await response.write(response_answers.SOUND[start : start + 4096])
    await response.write_eof()
    return response


async def realtime(request: web.Request) -> web.WebSocketResponse:
    """Send every message of a WebSocket back."""
    socket = web.WebSocketResponse(max_msg_size=64 << 20)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def echo(request: web.Request) -> web.Response:
    """Tell how a request of any method arrived, without the values of its headers."""
    body = await request.read()
    return web.json_response({
        "method": request.method,
        "path": request.raw_path,
        "headers": sorted(name.lower() for name in request.headers),
        "content_type": request.headers.get("Content-Type", ""),
        "body_bytes": len(body),
        "body_sha256": hashlib.sha256(body).hexdigest(),
    })  # fmt: skip


def openai_routes(prefix: str) -> list[Any]:
    """Return the API of a provider of OpenAI's kind."""
    return [
        web.post(f"{prefix}/chat/completions", serves(answers.completion, answers.chunks)),
        web.post(f"{prefix}/completions", serves(answers.text_completion, answers.text_chunks)),
        web.post(f"{prefix}/embeddings", serves(answers.embeddings)),
        web.post(
            f"{prefix}/responses",
            serves(response_answers.response, response_answers.response_events, named=True, done=False),
        ),
        web.post(f"{prefix}/moderations", serves(response_answers.moderation)),
        web.post(f"{prefix}/images/generations", serves(response_answers.images)),
        web.post(f"{prefix}/audio/transcriptions", transcription),
        web.post(f"{prefix}/audio/translations", transcription),
        web.post(f"{prefix}/audio/speech", speech),
        web.post(f"{prefix}/files", keeping.upload),
        web.get(f"{prefix}/files", keeping.files),
        web.get(f"{prefix}/files/{{id}}", keeping.file),
        web.get(f"{prefix}/files/{{id}}/content", keeping.file),
        web.delete(f"{prefix}/files/{{id}}", keeping.file),
        web.post(f"{prefix}/batches", keeping.create_batch),
        web.get(f"{prefix}/batches", keeping.batches),
        web.get(f"{prefix}/batches/{{id}}", keeping.batch),
        web.post(f"{prefix}/batches/{{id}}/cancel", keeping.batch),
        web.get(f"{prefix}/models", models),
        web.get(f"{prefix}/models/{{name:.+}}", models),
        web.get(f"{prefix}/realtime", realtime),
    ]


def anthropic_routes(prefix: str) -> list[Any]:
    """Return the calls that only Anthropic's API has."""
    message = serves(anthropic_answers.message, anthropic_answers.events, named=True, done=False)
    return [
        web.post(f"{prefix}/messages", message),
        web.post(f"{prefix}/messages/count_tokens", serves(anthropic_answers.token_count)),
    ]


def application() -> web.Application:
    """Return the server's routes."""
    server = web.Application(middlewares=[count], client_max_size=64 << 20)
    for name, prefix in PREFIXES.items():
        if name == "anthropic":
            server.add_routes([web.get(f"{prefix}/models", anthropic_models)])
            server.add_routes([web.get(f"{prefix}/models/{{name}}", anthropic_models)])
        else:
            server.add_routes(openai_routes(prefix))
        if name in {"openai", "anthropic"}:  # without a prefix both are there, as one server has always stood for both
            server.add_routes(anthropic_routes(prefix))
        server.add_routes([web.route("*", f"{prefix}/echo{{rest:(/.*)?}}", echo)])
    server.add_routes([web.get("/lab/hits", hits), web.post("/lab/reset", reset)])
    return server


if __name__ == "__main__":
    print("STAND-IN for model providers (lab only) listens on 8080", flush=True)
    uvloop.install()
    web.run_app(application(), port=8080, print=None, access_log=None, loop=uvloop.new_event_loop())
