"""Containers, networks and volumes: made when missing, made anew when what they are made of changed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from gateway.errors import GatewayError
from lab.engine import docker, inspect, try_docker
from lab.layout import CONTENT_LABEL, LABEL, PRIVATE_NETWORK, PUBLIC_NETWORK, SUBNETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STOP_SECONDS = 60


@dataclass(frozen=True)
class PlacedFile:
    """A file put into a container before it starts, with its mode and the numeric owner and group."""

    content: bytes
    mode: int = 0o644
    owner: int = 0
    group: int = 0


@dataclass(frozen=True)
class Container:
    """All that a container is made from. `volumes` maps volume names to paths; they are dropped with it."""

    name: str
    image: str
    address: str
    private_address: str | None = None
    options: tuple[str, ...] = ()
    volumes: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, PlacedFile] = field(default_factory=dict)
    keep_volumes: bool = False


def ensure_networks() -> str:
    """Make both networks where missing; the private one has no way out."""
    made = 0
    for name, subnet in SUBNETS.items():
        if inspect("network", name, "{{.Name}}") is None:
            internal = ["--internal"] if name == PRIVATE_NETWORK else []
            docker("network", "create", "--label", f"{LABEL}=1", "--subnet", subnet, *internal, name)
            made += 1
    return f"{made} made" if made else "unchanged"


def ensure_container(container: Container) -> str:
    """Bring a container to what is described, and return what had to be done.

    A running container of the same description is left alone, a stopped one is started. One whose
    image, options or files changed is made anew, and its volumes with it: state on it is lost, as on
    a host that is installed again.
    """
    image = inspect("image", container.image, "{{.Id}}")
    if image is None:
        raise GatewayError(f"the image {container.image} is not built", where=container.name)
    wanted = description_hash(container, image)
    found = inspect(
        "container", container.name, f'{{{{index .Config.Labels "{CONTENT_LABEL}"}}}} {{{{.State.Running}}}}'
    )
    if found == f"{wanted} true":
        return "unchanged"
    if found == f"{wanted} false":
        docker("start", container.name)
        return "started"
    remove_container(container)
    _create(container, wanted)
    return "made" if found is None else "made anew"


def remove_container(container: Container) -> None:
    """Remove a container if it is there, with its volumes unless they are to be kept."""
    try_docker("rm", "--force", "--volumes", container.name)
    if not container.keep_volumes:
        for volume in container.volumes:
            try_docker("volume", "rm", "--force", volume)


def description_hash(container: Container, image: str) -> str:
    """Return one hash over a container's description and its image's id."""
    parts: Sequence[object] = (
        image,
        container.address,
        container.private_address,
        container.options,
        sorted(container.volumes.items()),
        [(path, f.mode, f.owner, f.group, f.content.hex()) for path, f in sorted(container.files.items())],
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def write_files(files: Mapping[str, PlacedFile], stream: IO[bytes]) -> None:
    """Write files as a tar archive for `docker cp`, which keeps their modes and owners."""
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(file.content), file.mode
            entry.uid, entry.gid = file.owner, file.group
            archive.addfile(entry, io.BytesIO(file.content))


def _create(container: Container, content: str) -> None:
    for volume in container.volumes:
        docker("volume", "create", "--label", f"{LABEL}=1", volume)
    mounts = [f"--volume={volume}:{path}" for volume, path in container.volumes.items()]
    docker(
        *("create", "--name", container.name, "--init", "--stop-timeout", str(STOP_SECONDS)),
        *("--label", f"{LABEL}=1", "--label", f"{CONTENT_LABEL}={content}"),
        *("--network", PUBLIC_NETWORK, "--ip", container.address),
        *mounts,
        *container.options,
        container.image,
    )
    if container.private_address:
        docker("network", "connect", "--ip", container.private_address, PRIVATE_NETWORK, container.name)
    if container.files:
        docker("cp", "-", f"{container.name}:/", feed=lambda stdin: write_files(container.files, stdin))
    docker("start", container.name)
