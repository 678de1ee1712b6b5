"""The variables of the edge: where requests may go, who may send them, how they are recorded and encrypted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.variable_types import Limits, Memory, Network, OffAsWritten, Section, Text


class Provider(Section):
    """A model provider: `base_url` ends in /v<number>, `kind` says whose API it speaks.

    Requests to `/v1` with a provider key that begins with `key_prefix` go to it. With `inject_key`
    clients need no Helicone key on its route: their requests are recorded under the environment's own.
    """

    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^/:\s@?#][^/\s@?#]*(/[^\s?#]*)?/v[0-9]+$")]
    kind: Literal["openai", "anthropic"] = "openai"
    key_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$")] = ""
    inject_key: bool = False


class GatewayProxy(Limits):
    """The proxy that clients' requests go through, and who may use it how much."""

    recording: Literal["edge", "inline"]
    default_provider: Text
    allow_from: list[Network]
    requests_per_minute: Annotated[int, Field(ge=0)]
    drain_seconds: Annotated[int, Field(ge=1, le=3600)]


class Recorder(Limits):
    """The recorder's bounds."""

    spool: Memory
    body: Memory
    mirror: Memory


class Tls(Section):
    """Who makes the certificates of the two ports; `names` are what clients type in for the host."""

    mode: Annotated[Literal["off", "internal", "auto", "files"], OffAsWritten]
    names: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]+$")]]
    email: str
    authority: Annotated[str, StringConstraints(pattern=r"^https://[^\s]+$")]
    authority_certificate: str
    directory: Annotated[str, StringConstraints(pattern=r"^/[^\s:]*[^\s/:]$")]


class Edge(Limits):
    """The UI's proxy, which also keeps the certificates."""

    tls: Tls
