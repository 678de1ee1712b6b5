"""What must hold across the hosts of an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.inventory.connection_rules import validate_connection
from gateway.inventory.host_rules import refuse_value, validate_host
from gateway.inventory.model import Host, Inventory, is_address, known_addresses
from gateway.inventory.published import bundled_stores, is_public, published_ports, refuse_port_clashes
from gateway.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# An environment has one of each of these, whichever host is asked.
_SHARED = ("upstream", "secrets", "admin", "deploy", "postgres.mode", "clickhouse.mode", "object_store.mode")


def validate_inventory(inventory: Inventory, lines: Mapping[str, str]) -> None:
    """Raise ConfigurationError for the first thing that does not hold.

    `lines` gives for each host the file and line that list it.
    """
    for host in inventory.hosts.values():
        validate_connection(host, lines[host.name])
        validate_host(host)
    _one_of_each(inventory)
    _roles_present(inventory)
    _one_connection_each(inventory, lines)
    for host in inventory.hosts.values():
        _addresses(host, inventory, lines[host.name])
        refuse_port_clashes(host, inventory)
        _let_in(host, inventory)


def _one_of_each(inventory: Inventory) -> None:
    """Check that what belongs to the whole environment is the same on every host."""
    first, *others = inventory.hosts.values()
    for key in _SHARED:
        reader = _reader(key)
        for other in others:
            if reader(other) != reader(first):
                raise refuse_value(
                    other,
                    _changed_key(key, first, other),
                    f"`{key}` differs between hosts `{first.name}` and `{other.name}`",
                    "set it for all hosts, in group_vars/all.yml",
                )


def _reader(key: str) -> Callable[[Host], object]:
    """Return a function that reads the dotted `key` of a host."""

    def read(host: Host) -> object:
        value: object = host.variables
        for step in key.split("."):
            value = getattr(value, step)
        return value

    return read


def _changed_key(key: str, first: Host, other: Host) -> str:
    """Return the dotted key at or below `key` that was set in another place for `other` than for `first`."""
    inner = [name for name in {**first.origins, **other.origins} if name == key or name.startswith(f"{key}.")]
    changed = [name for name in inner if first.origins.get(name) != other.origins.get(name)]
    return next((name for name in changed if name in other.origins), key)


def _roles_present(inventory: Inventory) -> None:
    """Check that somebody serves, somebody works, and exactly one host keeps the data."""
    where = str(inventory.path.relative_to(inventory.path.parents[1]) / "hosts.yml")
    for role in ("edge", "app"):
        if not any(role in host.roles for host in inventory.hosts.values()):
            raise ConfigurationError(
                f"no host has the role `{role}`",
                where=where,
                next_step=f"put at least one host into a group named {role}",
            )
    data = [host.name for host in inventory.hosts.values() if "data" in host.roles]
    needed = bundled_stores(next(iter(inventory.hosts.values())))
    if len(data) > 1:
        raise ConfigurationError(
            f"more than one host has the role `data`: {', '.join(data)}",
            where=where,
            next_step="leave one of them in the group data; the stores are not replicated",
        )
    if needed and not data:
        raise ConfigurationError(
            f"no host has the role `data`, which must run {', '.join(needed)}",
            where=where,
            next_step="put one host into a group named data, or set the mode of each store to external",
        )


def _one_connection_each(inventory: Inventory, lines: Mapping[str, str]) -> None:
    """Check that no two hosts are one machine."""
    seen: dict[tuple[str, int], str] = {}
    for host in inventory.hosts.values():
        port = 0 if host.address == "local" else host.variables.connection.port
        first = seen.setdefault((host.address.lower(), port), host.name)
        if first != host.name:
            place = "this machine" if host.address == "local" else f"{printable(host.address)} port {port}"
            raise ConfigurationError(
                f"hosts `{first}` ({lines[first]}) and `{host.name}` are both {place}",
                where=lines[host.name],
                next_step="give each its own `connection.address`, or put one host into all its groups",
            )


def _addresses(host: Host, inventory: Inventory, line: str) -> None:
    """Check that addresses are IPs, and that there is one for all that the host must publish."""
    for key in ("publish_address", "private_address"):
        value = getattr(host.variables, key)
        if value and not is_address(value):
            raise refuse_value(host, key, f"`{key}` must be an IP address, not `{printable(value)}`")
    if "edge" in host.roles and not host.publish_address:
        raise ConfigurationError(
            f"host `{host.name}` has no `publish_address`, and its `connection.address` is no IP address",
            where=line,
            next_step="set `publish_address` to the IP that clients reach, or to 0.0.0.0 for every interface",
        )
    for port in published_ports(host, inventory):
        if not port.address:
            raise ConfigurationError(
                f"host `{host.name}` has no `private_address`, and {port.reason}",
                where=line,
                next_step="set `private_address` to its IP on the network that only your hosts are on",
            )


def _let_in(host: Host, inventory: Inventory) -> None:
    """Check that a firewall on `host` can tell the environment's other hosts by their addresses."""
    needed = [port for port in published_ports(host, inventory) if not is_public(port)]
    if host.variables.firewall.mode == "off" or not needed:
        return
    for other in inventory.hosts.values():
        if other.name != host.name and not known_addresses(other) and not host.variables.firewall.private_from:
            raise refuse_value(
                host,
                "firewall.mode",
                f"the firewall of `{host.name}` cannot let `{other.name}` in, which has no IP address in the inventory",
                f"set `private_address` for {other.name}, or name its network in firewall.private_from",
            )
