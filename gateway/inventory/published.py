"""What a host publishes: addresses, ports, and clashes between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.inventory.model import Host, Inventory

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  # compared with, not bound to


@dataclass(frozen=True)
class PublishedPort:
    """A port that a host publishes, the address it is on, and the variable that sets it."""

    key: str
    address: str
    port: int


def bundled_stores(host: Host) -> tuple[str, ...]:
    """Return which of postgres, clickhouse and object_store run on the data host: those not external."""
    variables = host.variables
    modes = {
        "postgres": variables.postgres.mode,
        "clickhouse": variables.clickhouse.mode,
        "object_store": variables.object_store.mode,
    }
    return tuple(name for name, mode in modes.items() if mode == "bundled")


def serves_other_hosts(host: Host, inventory: Inventory) -> bool:
    """Tell whether data host `host` must publish its stores: an app runs elsewhere."""
    return any("app" in other.roles and other.name != host.name for other in inventory.hosts.values())


def serves_other_edges(host: Host, inventory: Inventory) -> bool:
    """Tell whether app host `host` must publish jawn and web: an edge without its own app exists."""
    return "app" in host.roles and any(
        "edge" in other.roles and "app" not in other.roles for other in inventory.hosts.values()
    )


def published_ports(host: Host, inventory: Inventory) -> tuple[PublishedPort, ...]:
    """Return every port that `host` publishes, with the address it is published on."""
    ports = host.variables.ports
    found: list[PublishedPort] = []
    if "edge" in host.roles:
        found += [
            PublishedPort("ports.gateway", host.publish_address, ports.gateway),
            PublishedPort("ports.ui", host.publish_address, ports.ui),
        ]
    if serves_other_edges(host, inventory):
        found += [
            PublishedPort("ports.jawn", host.private_address, ports.jawn),
            PublishedPort("ports.web", host.private_address, ports.web),
        ]
    if "data" in host.roles and serves_other_hosts(host, inventory):
        found += [
            PublishedPort(f"ports.{store}", host.private_address, getattr(ports, store))
            for store in bundled_stores(host)
        ]
    return tuple(found)


def refuse_port_clashes(host: Host, inventory: Inventory) -> None:
    """Raise ConfigurationError if two things of `host` want one port on one address, sshd included."""
    taken = list(published_ports(host, inventory))
    connection = host.variables.connection
    if connection.transport == "ssh":
        # jump hosts and port forwards aside, sshd listens on every address of the host
        taken.insert(0, PublishedPort("connection.port", "0.0.0.0", connection.port))  # noqa: S104
    for first, second in _pairs(taken):
        same_address = first.address == second.address or bool({first.address, second.address} & _EVERYWHERE)
        if first.port == second.port and same_address:
            origins = host.origins
            changed = second if origins[first.key].is_default else first
            raise ConfigurationError(
                f"host `{host.name}` would use port {first.port} twice: "
                f"`{first.key}` ({origins[first.key]}) and `{second.key}` ({origins[second.key]})",
                where=str(origins[changed.key]),
                next_step=f"give one of the two another port, such as --set {changed.key}={first.port + 1}",
            )


def _pairs(ports: list[PublishedPort]) -> Iterable[tuple[PublishedPort, PublishedPort]]:
    """Yield every two of `ports`."""
    for index, first in enumerate(ports):
        for second in ports[index + 1 :]:
            yield first, second
