"""What belongs to an environment outside of its release's folder, and is not as the release wants it."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from . import boot, engine, live
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
