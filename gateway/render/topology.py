"""Who runs what and who reaches whom, for the hosts of one environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.inventory.published import bundled_stores

if TYPE_CHECKING:
    from gateway.inventory.model import Host, Inventory


def data_host(inventory: Inventory) -> Host | None:
    """Return the one host that runs the bundled stores, or None when all are external.

    Raises ConfigurationError if stores are bundled and not exactly one host has the role data.
    """
    hosts = [host for host in inventory.hosts.values() if host.roles]
    if not any(bundled_stores(host) for host in hosts):
        return None
    candidates = [host for host in hosts if "data" in host.roles]
    if len(candidates) == 1:
        return candidates[0]
    found = f"it has {len(candidates)}: {', '.join(host.name for host in candidates)}" if candidates else "it has none"
    raise ConfigurationError(
        f"bundled stores need exactly one host with the role data, and {found}",
        where=f"inventory/{inventory.environment}/hosts.yml",
        next_step="put one host into the group `data`, or set postgres.mode, clickhouse.mode and object_store.mode "
        "to external",
    )


def migrator(inventory: Inventory) -> str:
    """Return the name of the host that runs the migrations.

    It is the data host, else the first host with the role app; empty if there is neither.
    """
    host = data_host(inventory)
    if host is not None:
        return host.name
    return next((host.name for host in inventory.hosts.values() if "app" in host.roles), "")


def app_hosts_behind(inventory: Inventory, edge: Host) -> tuple[Host, ...]:
    """Return the app hosts that the edge of host `edge` sends requests to: the app beside it, else all."""
    if "app" in edge.roles:
        return (edge,)
    return tuple(host for host in inventory.hosts.values() if "app" in host.roles)


def private_address(host: Host, why: str) -> str:
    """Return the address by which the environment's other hosts reach `host`.

    Raises ConfigurationError, saying `why` it is needed, if the inventory names none.
    """
    if host.private_address:
        return bracketed(host.private_address)
    raise ConfigurationError(
        f"private_address is not set, and {why}",
        where=f"host {host.name}",
        next_step=f"set private_address in host_vars/{host.name}.yml to the IP that only the other hosts can reach",
    )


def bracketed(address: str) -> str:
    """Return `address` as a URL or a port mapping takes it: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address
