"""What the stand-in keeps: uploaded files and batches, in memory."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import response_answers
from aiohttp import web
from counting import refusal
from serving import body_of

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class StoredFile:
    """An uploaded file: what is told of it, and its content."""

    description: dict[str, Any]
    content: bytes


FILES: dict[str, StoredFile] = {}
BATCHES: dict[str, dict[str, Any]] = {}


async def upload(request: web.Request) -> web.Response:
    """Take a multipart file and keep it."""
    form = await request.post()
    given = form["file"]
    content = given.file.read()
    identifier = f"file-{next(_NUMBERS)}"
    description = {
        "id": identifier, "object": "file", "bytes": len(content), "created_at": 1700000000,
        "filename": given.filename, "purpose": str(form.get("purpose", "")), "status": "processed",
    }  # fmt: skip
    FILES[identifier] = StoredFile(description, content)
    return web.json_response(description)


async def files(request: web.Request) -> web.Response:
    """List the uploaded files."""
    return listing([file.description for file in FILES.values()])


async def file(request: web.Request) -> web.Response:
    """Describe, give back or delete one file."""
    identifier = request.match_info["id"]
    found = FILES.get(identifier)
    if found is None:
        return refusal(request.path, 404, f"No such File object: {identifier}")
    if request.method == "DELETE":
        del FILES[identifier]
        return web.json_response({"id": identifier, "object": "file", "deleted": True})
    if request.path.endswith("/content"):
        return web.Response(body=found.content, content_type="application/octet-stream")
    return web.json_response(found.description)


async def create_batch(request: web.Request) -> web.Response:
    """Keep a new batch."""
    made = response_answers.batch(await body_of(request))
    BATCHES[made["id"]] = made
    return web.json_response(made)


async def batches(request: web.Request) -> web.Response:
    """List the batches."""
    return listing(list(BATCHES.values()))


async def batch(request: web.Request) -> web.Response:
    """Describe one batch, or cancel it."""
    found = BATCHES.get(request.match_info["id"])
    if found is None:
        return refusal(request.path, 404, f"No batch found with id '{request.match_info['id']}'.")
    if request.method == "POST":
        found["status"] = "cancelling"
    return web.json_response(found)


def listing(entries: list[dict[str, Any]]) -> web.Response:
    """Return a page that is the whole list, in OpenAI's shape."""
    ends = {"first_id": entries[0]["id"], "last_id": entries[-1]["id"]} if entries else {}
    return web.json_response({"object": "list", "data": entries, "has_more": False, **ends})
