"""What rendering gives: the files of one host's release and the services that it is to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ServiceRole = Literal["data", "migrations", "app", "edge"]


@dataclass(frozen=True)
class RenderedFile:
    """A file of a release: its bytes, kept out of tracebacks, and the mode it is written with."""

    content: bytes = field(repr=False)
    mode: int


@dataclass(frozen=True)
class RenderedService:
    """A service that the host is to run.

    `image` carries its digest. `content_hash` changes when the merged definition, the content of a
    mounted file or the owner of its network namespace does. A one-shot service runs and ends. With
    `handover` a new container starts beside the old one; `live` files are read whenever they change.
    `ports` are address, port on the host and port in the container. `environment` leaves out every
    variable that holds a secret; it is what can be shown and compared.
    """

    name: str
    role: ServiceRole
    image: str
    content_hash: str
    one_shot: bool
    handover: bool = False
    live: tuple[str, ...] = ()
    ports: tuple[tuple[str, int, int], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entrance:
    """How clients come in at an edge.

    `tls` is the mode that makes its certificates, `name` the first that they are for. `authority` is the
    certificate (PEM) of the operator's own ACME authority, empty without one. The URLs are the public ones.
    """

    tls: str
    name: str
    authority: str
    gateway: str
    ui: str


@dataclass(frozen=True)
class RenderedHost:
    """All that one host gets: files by their path in the release, and services in the order of their start.

    `secret_keys` are the names in `.env` whose values no output may show; `entrance` is None without an edge.
    """

    name: str
    project: str
    files: Mapping[str, RenderedFile]
    services: tuple[RenderedService, ...]
    secret_keys: frozenset[str]
    entrance: Entrance | None = None
