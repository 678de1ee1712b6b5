"""STAND-IN for a model provider (lab only): an HTTP server in the shape of OpenAI's and Anthropic's APIs.

Model names steer it: `error-429` answers that status, `slow-500` waits so many milliseconds (before
the answer, or between the events of a stream); the header x-lab-latency-ms does the same for any
model. GET /lab/hits tells what it was asked, POST /lab/reset forgets it. Keys are never kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from typing import Any

import answers
from aiohttp import web

HITS: Counter[str] = Counter()
LAST = {"authorization_sha256": "", "headers": []}
FILES: dict[str, dict[str, Any]] = {}
MODELS = ("gpt-4o-mini", "gpt-4o", "Qwen/Qwen3-32B", "qwen-plus", "deepseek-chat")


@web.middleware
async def count(request: web.Request, handler: Any) -> web.StreamResponse:
    """Count every request, mark every answer as a stand-in's, and refuse those without a key."""
    if request.path.startswith("/lab/"):
        return await handler(request)
    HITS[f"{request.method} {request.path}"] += 1
    key = request.headers.get("Authorization", request.headers.get("x-api-key", ""))
    LAST["authorization_sha256"] = hashlib.sha256(key.encode()).hexdigest()
    LAST["headers"] = sorted(name.lower() for name in request.headers)
    if not key.removeprefix("Bearer").strip():
        return web.json_response(answers.error(401, "You didn't provide an API key."), status=401)
    response = await handler(request)
    if not response.prepared:
        response.headers["X-Lab-Stand-In"] = "provider"
    return response


def steering(request: web.Request, body: dict[str, Any]) -> tuple[int, float]:
    """Return the status that the model's name asks for (0: none) and the latency in seconds."""
    kind, _, number = str(body.get("model", "")).partition("-")
    latency = float(request.headers.get("x-lab-latency-ms", "0")) / 1000
    if kind == "slow" and number.isdigit():
        latency = int(number) / 1000
    return (int(number) if kind == "error" and number.isdigit() else 0), latency


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON body, or end the request with 400."""
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        text = json.dumps(answers.error(400, "We could not parse the JSON body of your request."))
        raise web.HTTPBadRequest(text=text, content_type="application/json")
    return body


def serves(plain: Any, events: Any = None, named: bool = False) -> Any:
    """Return a handler that answers with `plain(body)`, or streams `events(body)` when asked to."""

    async def handle(request: web.Request) -> web.StreamResponse:
        """Answer one request, in one piece or as a stream."""
        body = await body_of(request)
        status, latency = steering(request, body)
        if status:
            return web.json_response(answers.error(status, f"the model's name asked for {status}"), status=status)
        if not (events and body.get("stream")):
            await asyncio.sleep(latency)
            return web.json_response(plain(body))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Lab-Stand-In": "provider"})
        await response.prepare(request)
        for event in events(body):
            name = f"event: {event['type']}\n" if named else ""
            await response.write(f"{name}data: {json.dumps(event)}\n\n".encode())
            await asyncio.sleep(latency)
        if not named:
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    return handle


async def models(request: web.Request) -> web.Response:
    """List the models, or show one."""
    entries = [{"id": name, "object": "model", "created": 1700000000, "owned_by": "lab"} for name in MODELS]
    wanted = request.match_info.get("name")
    if wanted is None:
        return web.json_response({"object": "list", "data": entries})
    found = [entry for entry in entries if entry["id"] == wanted]
    return web.json_response(found[0] if found else answers.error(404, "no such model"), status=200 if found else 404)


async def upload(request: web.Request) -> web.Response:
    """Take a multipart file and remember its name and size."""
    form = await request.post()
    given = form["file"]
    content = given.file.read()
    identifier = f"file-{len(FILES) + 1}"
    FILES[identifier] = {
        "id": identifier, "object": "file", "bytes": len(content), "created_at": 1700000000,
        "filename": given.filename, "purpose": str(form.get("purpose", "")), "status": "processed",
    }  # fmt: skip
    return web.json_response(FILES[identifier])


async def files(request: web.Request) -> web.Response:
    """List the uploaded files."""
    return web.json_response({"object": "list", "data": list(FILES.values()), "has_more": False})


async def hits(request: web.Request) -> web.Response:
    """Tell what was asked so far."""
    return web.json_response({"stand_in": True, "total": HITS.total(), "paths": HITS, "last": LAST})


async def reset(request: web.Request) -> web.Response:
    """Forget what was asked."""
    HITS.clear()
    return web.json_response({"total": 0})


def application() -> web.Application:
    """Return the server's routes."""
    server = web.Application(middlewares=[count], client_max_size=64 << 20)
    server.add_routes([
        web.post("/v1/chat/completions", serves(answers.completion, answers.chunks)),
        web.post("/v1/completions", serves(answers.text_completion)),
        web.post("/v1/embeddings", serves(answers.embeddings)),
        web.post("/v1/messages", serves(answers.anthropic_message, answers.anthropic_events, named=True)),
        web.get("/v1/models", models),
        web.get("/v1/models/{name:.+}", models),
        web.post("/v1/files", upload),
        web.get("/v1/files", files),
        web.get("/lab/hits", hits),
        web.post("/lab/reset", reset),
    ])  # fmt: skip
    return server


if __name__ == "__main__":
    print("STAND-IN provider (lab only) listens on 8080", flush=True)
    web.run_app(application(), port=8080, print=None, access_log=None)
