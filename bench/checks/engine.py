"""STAND-IN for the Docker Engine of every target: `python -m bench.checks.engine FOLDER...`, one process for all.

It takes the place of the fleet's, and says more: each service of the current release is a container made exactly as
the real Compose reads the release's files. Nothing is run. It says `ready` when it listens, and ends with its
standard input.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from bench.fleet import engine
from bench.fleet.layout import DIRECTORY, PROJECT
from gateway.agent.store import Store
from gateway.render.merge import merged_definition, namespace_owner


def inspected(folder: Path) -> list[dict[str, Any]]:
    """Return the containers of a target's current release, as `docker inspect` would show them."""
    store = Store(str(folder / Path(DIRECTORY).relative_to("/")))
    release = str(store.current())
    place = store.releases / release
    files = {name: (place / name).read_bytes() for name in ("compose.upstream.yml", "compose.override.yml", ".env")}
    definitions = merged_definition(PROJECT, f"{DIRECTORY}/current", files)["services"]
    services = [service for service in store.manifest(release)["services"] if not service["one_shot"]]
    ids = {service["name"]: engine.container(service)["Id"] for service in services}
    return [_made(engine.container(service), definitions[service["name"]], ids) for service in services]


def _made(container: dict[str, Any], definition: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Return the fleet's container with what its definition says besides."""
    owner = namespace_owner(definition)
    networks = {} if owner else {f"{PROJECT}_default": {"IPAddress": "127.76.0.1"}}
    logging = definition.get("logging", {})
    container["Config"]["Env"] = [f"{name}={value}" for name, value in definition.get("environment", {}).items()]
    container["NetworkSettings"] = {"Networks": networks}
    container["HostConfig"] |= {
        "RestartPolicy": {"Name": definition.get("restart", "no")},
        "Memory": int(definition.get("mem_limit", 0)),
        "NanoCpus": round(float(definition.get("cpus", 0)) * 1e9),
        "LogConfig": {"Type": logging.get("driver", ""), "Config": logging.get("options", {})},
        "SecurityOpt": definition.get("security_opt", []),
        "Privileged": bool(definition.get("privileged")),
        "NetworkMode": f"container:{ids[owner]}" if owner else f"{PROJECT}_default",
    }
    container["Mounts"] = [
        {
            "Type": mount["type"], "Name": mount["source"] if mount["type"] == "volume" else "",
            "Source": mount.get("source", ""), "Destination": mount["target"], "RW": not mount.get("read_only"),
        }
        for mount in definition.get("volumes", [])
    ]  # fmt: skip
    return container


def main(folders: list[Path]) -> None:
    """Answer for every target until standard input ends."""
    containers = {folder: inspected(folder) for folder in folders}
    plain = engine.answer

    def answer(folder: Path, path: str) -> Any:
        """Answer about containers from what was read at the start, and about all else as the fleet's does."""
        asked = path.partition("?")[0]
        if asked == "/containers/json":
            return [{**one, "NetworkSettings": {"Networks": {}}} for one in containers[folder]]
        if asked.startswith("/containers/"):
            return next((one for one in containers[folder] if one["Id"].startswith(asked.split("/")[2])), None)
        return plain(folder, path)

    engine.answer = answer
    for folder in folders:
        (folder / "run" / "docker.sock").unlink(missing_ok=True)
    asyncio.run(engine.main(folders))


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
