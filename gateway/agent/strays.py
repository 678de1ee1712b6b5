"""What belongs to an environment outside of its release's folder, and is not as the release wants it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import boot, engine, live
from .failure import StepFailed
from .store import Store


def altered(store: Store, project: str, manifest: dict[str, Any]) -> list[str]:
    """Return the paths of delivered files and of the boot hook that somebody changed or removed."""
    found = []
    for name, entry in manifest["files"].items():
        if name.startswith(f"{live.FOLDER}/"):
            path = store.root / name
            try:
                same = hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
            except OSError:
                same = False
            found += [] if same else [str(path)]
    return found if boot.is_installed(project) else [*found, str(boot.INIT_SCRIPTS / project)]


def misread(store: Store, container: dict[str, Any]) -> list[str]:
    """Return the files of the current release that a running container sees with another content than it delivered.

    A file is mounted from the release that the container was made under: an edit there is what it reads, also
    when a later release brings the file anew. Only making the container anew mends that.
    """
    found = []
    process = container["State"].get("Pid")
    try:
        files = store.manifest(str(store.current()))["files"]
    except StepFailed:
        return []
    for mount in container.get("Mounts") or []:
        source = str(mount.get("Source", ""))
        name = source[len(str(store.current_link)) + 1 :] if source.startswith(f"{store.current_link}/") else ""
        if process and name in files:
            try:
                seen = Path(f"/proc/{process}/root{mount['Destination']}").read_bytes()
            except OSError:  # it ended just now
                continue
            if hashlib.sha256(seen).hexdigest() != files[name]["sha256"]:
                found.append(name)
    return found


def containers(project: str, everyone: list[dict[str, Any]]) -> list[str]:
    """Return the names of containers that no release made: beside a service's own, or in the project's networks.

    `everyone` are the project's inspected containers.
    """
    chosen = {container["Id"] for container in engine.serving(everyone)}
    doubles = [one["Name"] for one in everyone if one["Id"] not in chosen and not engine.is_leaving(one)]
    networks = engine.ask(f"/networks?filters={_filter(label=f'com.docker.compose.project={project}')}") or []
    guests = [
        entry["Names"][0]
        for network in networks
        for entry in engine.ask(f"/containers/json?all=1&filters={_filter(network=network['Id'])}")
        if (entry["Labels"] or {}).get("com.docker.compose.project") != project
    ]
    return sorted({name.lstrip("/") for name in (*doubles, *guests)})


def _filter(**wanted: str) -> str:
    return quote(json.dumps({name: [value] for name, value in wanted.items()}))
