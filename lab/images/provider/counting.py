"""Counting what the stand-in was asked, by path and by provider. Values of headers and keys are never kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import answers
import anthropic_answers
from aiohttp import web

# Where each provider's API begins; the path behind it is the same for all of a kind.
PREFIXES = {
    "openai": "/v1",
    "modelscope": "/modelscope/v1",
    "dashscope": "/dashscope/compatible-mode/v1",
    "deepseek": "/deepseek/v1",
    "anthropic": "/anthropic/v1",
}
MARK = {"X-Lab-Stand-In": "provider"}
HITS: Counter[str] = Counter()
PROVIDERS: Counter[str] = Counter()
STREAMS: Counter[str] = Counter()
KEYS: dict[str, str] = {}
LAST: dict[str, Any] = {"authorization_sha256": "", "headers": ()}
HEADER_NAMES: set[str] = set()


def provider_of(path: str) -> str:
    """Return whose API a path belongs to; what no provider has is counted as OpenAI's."""
    first = path[1:].partition("/")[0]
    return first if first in PREFIXES else "openai"


def refusal(path: str, status: int, message: str) -> web.Response:
    """Return an error in the shape of the provider that the path belongs to."""
    shape = anthropic_answers.error if provider_of(path) == "anthropic" else answers.error
    return web.json_response(shape(status, message), status=status)


@web.middleware
async def count(request: web.Request, handler: Any) -> web.StreamResponse:
    """Count every request, mark every answer as a stand-in's, and refuse those without a key."""
    path = request.path
    if path.startswith("/lab/"):
        return await handler(request)
    provider = provider_of(path)
    HITS[f"{request.method} {path}"] += 1
    PROVIDERS[provider] += 1
    key = request.headers.get("Authorization") or request.headers.get("x-api-key", "")
    LAST["authorization_sha256"] = KEYS[provider] = hashlib.sha256(key.encode()).hexdigest()
    LAST["headers"] = names = [name.lower() for name in request.headers]
    HEADER_NAMES.update(names)
    if not key.removeprefix("Bearer").strip():
        response: web.StreamResponse = refusal(path, 401, "You didn't provide an API key.")
    else:
        response = await _handled(request, handler)
    if not response.prepared:
        response.headers.update(MARK)
    return response


async def hits(request: web.Request) -> web.Response:
    """Tell what was asked so far."""
    return web.json_response({
        "stand_in": True,
        "total": HITS.total(),
        "paths": HITS,
        "providers": PROVIDERS,
        "keys_sha256": KEYS,
        "last": {**LAST, "headers": sorted(LAST["headers"])},
        "header_names": sorted(HEADER_NAMES),
        "streams": {name: STREAMS[name] for name in ("begun", "finished")},
    })  # fmt: skip


async def reset(request: web.Request) -> web.Response:
    """Forget what was asked."""
    for counted in (HITS, PROVIDERS, STREAMS, KEYS, HEADER_NAMES):
        counted.clear()
    LAST.update(authorization_sha256="", headers=())
    return web.json_response({"total": 0})


async def _handled(request: web.Request, handler: Any) -> web.StreamResponse:
    """Return the handler's answer; a path or method that nobody serves is a provider's 404 or 405."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.content_type == "application/json":
            raise
        return refusal(request.path, error.status, f"{error.reason} ({request.method} {request.path})")
