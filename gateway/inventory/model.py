"""The inventory of one environment, merged and typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.inventory.layers import Layer, Origin
    from gateway.variables import HostVariables

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Host:
    """A host: its groups (parents before children), its roles (data, app, edge) and its variables.

    `origins` says for every dotted key where its value was set; `layers`, lowest first, hold what
    those values were laid over.
    """

    name: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    variables: HostVariables
    origins: Mapping[str, Origin]
    layers: tuple[Layer, ...] = field(default=(), repr=False, compare=False)

    @property
    def publish_address(self) -> str:
        """Return the IP that the edge publishes its ports on.

        It is the variable `publish_address`; where that is empty the loopback address for this
        machine itself, or the address that the host is reached at, if that is an IP. An empty text
        means that none is known; validation refuses such a host if it has the role edge.
        """
        variables = self.variables
        if variables.publish_address:
            return variables.publish_address
        if variables.connection.transport == "local":
            return _LOOPBACK
        address = variables.connection.address or ""
        return address if is_address(address) else ""

    @property
    def private_address(self) -> str:
        """Return the IP that other hosts of the environment reach this one at; empty if none is known."""
        if self.variables.private_address:
            return self.variables.private_address
        return _LOOPBACK if self.variables.connection.transport == "local" else ""

    @property
    def address(self) -> str:
        """Return the address of the connection, `local` for this machine itself."""
        connection = self.variables.connection
        return "local" if connection.transport == "local" else connection.address or ""


@dataclass(frozen=True)
class Inventory:
    """An environment: all its hosts as ordered in `hosts.yml`, and those selected by --limit."""

    environment: str
    path: Path
    hosts: Mapping[str, Host]
    selected: tuple[str, ...]

    @property
    def project(self) -> str:
        """Return the environment's Compose project, which begins the names of its containers and volumes."""
        return f"helicone-{self.environment}"


def known_addresses(host: Host) -> list[str]:
    """Return every IP address that the inventory gives `host`."""
    known = (host.private_address, host.variables.connection.address or "", host.publish_address)
    return list(dict.fromkeys(text for text in known if is_address(text) and not ip_address(text).is_unspecified))


def wanted_packages(host: Host) -> list[str]:
    """Return the distribution's packages that the firewall and the hardening of `host` need."""
    variables = host.variables
    wanted = {"nftables": variables.firewall.mode != "off", "unattended-upgrades": variables.hardening.updates}
    return [name for name, needed in wanted.items() if needed]


def is_address(text: str) -> bool:
    """Tell whether `text` is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text
