"""STAND-IN for the Docker Engine of every target: `python -m bench.fleet.engine FOLDER...`, one process for all.

It answers the agent's questions at `<folder>/run/docker.sock` as an engine would on which the target's current
release runs, healthy: each service of `current/manifest.json` is a running container. Nothing is run. Every
answer names the server STAND-IN. It says `ready` when it listens, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bench.fleet.layout import DIRECTORY, PROJECT

VERSION = "29.0.0"
_STARTED = "2026-01-01T00:00:00.000000000Z"


def services(folder: Path) -> list[dict[str, Any]]:
    """Return the services of a target's current release; none before the first."""
    try:
        current = folder / Path(DIRECTORY).relative_to("/") / "current"
        found: list[dict[str, Any]] = json.loads((current / "manifest.json").read_bytes())["services"]
    except OSError:
        return []
    return [service for service in found if not service["one_shot"]]


def container(service: dict[str, Any]) -> dict[str, Any]:
    """Return a service as the inspected container that would run it."""
    labels = {
        "com.docker.compose.project": PROJECT,
        "com.docker.compose.service": service["name"],
        "helicone.content-hash": service["hash"],
    }
    ports: dict[str, list[dict[str, str]]] = {}
    for address, port, inside in service["ports"]:
        ports.setdefault(f"{inside}/tcp", []).append({"HostIp": address, "HostPort": str(port)})
    return {
        "Id": service["hash"].ljust(64, "0"),
        "Name": f"/{PROJECT}-{service['name']}-1",
        "Created": _STARTED,
        "RestartCount": 0,
        "Names": [f"/{PROJECT}-{service['name']}-1"],
        "Labels": labels,
        "Ports": [
            {"IP": address, "PublicPort": port, "PrivatePort": inside, "Type": "tcp"}
            for address, port, inside in service["ports"]
        ],
        "Config": {"Labels": labels, "Image": service["image"]},
        "State": {
            "Status": "running", "Running": True, "Restarting": False, "Pid": 0, "ExitCode": 0, "StartedAt": _STARTED,
            "Health": {"Status": "healthy", "FailingStreak": 0, "Log": []},
        },
        "HostConfig": {"PortBindings": ports, "NetworkMode": f"{PROJECT}_default"},
        "NetworkSettings": {"Networks": {}},
        "Mounts": [],
    }  # fmt: skip


def answer(folder: Path, path: str) -> Any:
    """Return the engine's answer to `GET path`, None for what it does not know."""
    asked = unquote(urlsplit(path).path)
    if asked == "/version":
        return {"Version": VERSION, "Platform": {"Name": "STAND-IN"}}
    if asked == "/containers/json":
        return [container(service) for service in services(folder)]
    if asked.startswith("/containers/"):
        wanted = asked.split("/")[2]
        return next((one for one in map(container, services(folder)) if one["Id"].startswith(wanted)), None)
    if asked.startswith("/images/"):
        return {"Id": "STAND-IN"}
    return [] if asked == "/networks" else None


async def serve(folder: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and close, as the engine does with HTTP/1.0."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        found = answer(folder, head.split(b" ", 2)[1].decode())
        body = json.dumps({"message": "no such object"} if found is None else found).encode()
        status = "404 Not Found" if found is None else "200 OK"
        writer.write(f"HTTP/1.0 {status}\r\nServer: STAND-IN\r\n\r\n".encode() + body)
        await writer.drain()
    writer.close()


async def main(folders: list[Path]) -> None:
    """Answer for every target until standard input ends."""
    for folder in folders:

        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, folder: Path = folder) -> None:
            """Serve one connection on the target of this folder."""
            await serve(folder, reader, writer)

        await asyncio.start_unix_server(one, folder / "run" / "docker.sock")
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main([Path(word) for word in sys.argv[1:]]))
