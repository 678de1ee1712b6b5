"""The variables of the firewall and of what else hardens a host."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.variable_types import Network, OffAsWritten, Section

PortOfProtocol = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}/(tcp|udp)$")]
Interface = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,15}$")]


class Firewall(Section):
    """Who may open a connection to what on a host.

    `ports` guards only what the environment itself publishes; `host` closes the whole host but for SSH,
    the edge's ports and `extra_ports`, each with the networks that may use it (none: everybody).
    """

    mode: Annotated[Literal["off", "ports", "host"], OffAsWritten]
    ssh_from: list[Network]
    allow_from: list[Network]
    private_from: list[Network]
    extra_ports: dict[str, list[Network]]
    closed_ports: list[PortOfProtocol]
    trusted_interfaces: list[Interface]
    undo_seconds: Annotated[int, Field(ge=5, le=600)]


class Hardening(Section):
    """What else a host can be made to do for its own safety."""

    sshd: bool
    updates: bool
