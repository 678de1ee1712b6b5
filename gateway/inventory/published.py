"""What a host publishes: addresses, ports, who needs them, and clashes between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.inventory.model import Host, Inventory

# The service of each bundled store, and the port that it listens on in its container.
STORES = {"postgres": ("db", 5432), "clickhouse": ("clickhouse", 8123), "object_store": ("object-store", 9000)}

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  # compared with, not bound to


@dataclass(frozen=True)
class PublishedPort:
    """A port that a host publishes for `service`, and the port `inside` the container that it leads to.

    `key` is the variable that sets it. `address` is empty where the inventory names none, and
    `reason` says who needs it.
    """

    key: str
    service: str
    address: str
    port: int
    inside: int
    reason: str


def is_public(port: PublishedPort) -> bool:
    """Tell whether a port is for clients; all others are for the environment's own hosts."""
    return port.service == "door"


def bundled_stores(host: Host) -> tuple[str, ...]:
    """Return which of postgres, clickhouse and object_store run on the data host: those not external."""
    return tuple(name for name in STORES if getattr(host.variables, name).mode == "bundled")


def store_users(inventory: Inventory) -> tuple[str, ...]:
    """Return the names of the hosts that connect to the bundled stores.

    Edges need all three: PostgreSQL for the valid keys, ClickHouse to see that a record arrived, the
    object store for the signed links that browsers follow.
    """
    return tuple(host.name for host in inventory.hosts.values() if {"app", "edge"} & set(host.roles))


def serves_other_edges(host: Host, inventory: Inventory) -> bool:
    """Tell whether app host `host` must publish jawn and web: an edge without its own app exists."""
    return "app" in host.roles and any(
        "edge" in other.roles and "app" not in other.roles for other in inventory.hosts.values()
    )


def published_ports(host: Host, inventory: Inventory) -> tuple[PublishedPort, ...]:
    """Return every port that `host` publishes: nothing is published that nobody needs.

    The edge is published on the publish address; stores and the app on the private address, and only
    when another host uses them. The clash check and the rendered files both follow this.
    """
    ports, public, private = host.variables.ports, host.publish_address, host.private_address
    found: list[PublishedPort] = []
    if "edge" in host.roles:
        found += [
            PublishedPort("ports.gateway", "door", public, ports.gateway, 8787, "clients reach its edge there"),
            PublishedPort("ports.ui", "door", public, ports.ui, 3000, "browsers reach its edge there"),
        ]
        if host.variables.edge.tls.mode == "auto":
            reason = "certificate authorities ask its edge there"
            found.append(PublishedPort("ports.acme", "door", public, ports.acme, 80, reason))
    if serves_other_edges(host, inventory):
        reason = "the edges of other hosts reach its app there"
        found += [
            # jawn lives in the network namespace of egress, which therefore publishes its port.
            PublishedPort("ports.jawn", "egress", private, ports.jawn, 8585, reason),
            PublishedPort("ports.web", "web", private, ports.web, 3000, reason),
        ]
    for store in bundled_stores(host) if "data" in host.roles else ():
        service, inside = STORES[store]
        users = [name for name in store_users(inventory) if name != host.name]
        if users:
            reason = f"{users[0]} reaches its {store} there"
            found.append(PublishedPort(f"ports.{store}", service, private, getattr(ports, store), inside, reason))
    return tuple(found)


def collide(first: tuple[str, int], second: tuple[str, int]) -> bool:
    """Tell whether two listeners, each an address and a port, cannot both be there.

    They cannot on the same port of the same address, or if one of them is on every address.
    """
    everywhere = bool(_EVERYWHERE & {first[0], second[0]})
    return first[1] == second[1] and (first[0] == second[0] or everywhere)


def refuse_port_clashes(host: Host, inventory: Inventory) -> None:
    """Raise ConfigurationError if two things of `host` want one port on one address, sshd included."""
    taken = [(port.key, (port.address, port.port)) for port in published_ports(host, inventory)]
    connection = host.variables.connection
    if connection.transport == "ssh":
        # jump hosts and port forwards aside, sshd listens on every address of the host
        taken.insert(0, ("connection.port", ("0.0.0.0", connection.port)))  # noqa: S104
    for (first, one), (second, other) in combinations(taken, 2):
        if collide(one, other):
            origins = host.origins
            changed = second if origins[first].is_default else first
            raise ConfigurationError(
                f"host `{host.name}` would use port {one[1]} twice: "
                f"`{first}` ({origins[first]}) and `{second}` ({origins[second]})",
                where=str(origins[changed]),
                next_step=f"give one of the two another port, such as --set {changed}={one[1] + 1}",
            )
