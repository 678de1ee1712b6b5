"""What must hold across keys and hosts, beyond the type of each value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.inventory.model import Host, Inventory, is_address
from gateway.inventory.published import (
    bundled_stores,
    refuse_port_clashes,
    serves_other_edges,
    serves_other_hosts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SERVER = r"[^\s/@?#:\[\]]+|\[[0-9a-fA-F:]+\]"
_URL = re.compile(rf"https?://({_SERVER})(:[0-9]{{1,5}})?")
_URL_WITH_PORT = re.compile(rf"https?://({_SERVER}):[0-9]{{1,5}}")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SMALLEST_MEMORY_MB = 6  # Docker refuses less
# An environment has one of each of these, whichever host is asked.
_SHARED = ("upstream", "secrets", "admin", "deploy", "postgres.mode", "clickhouse.mode", "object_store.mode")


def validate_inventory(inventory: Inventory, lines: Mapping[str, str]) -> None:
    """Raise ConfigurationError for the first thing that does not hold.

    `lines` gives for each host the file and line that list it.
    """
    for host in inventory.hosts.values():
        _connection(host, lines[host.name])
        _urls(host)
        _stores(host)
        _limits(host)
        _environment_names(host)
    _one_of_each(inventory)
    _roles_present(inventory)
    _one_connection_each(inventory, lines)
    for host in inventory.hosts.values():
        _addresses(host, inventory, lines[host.name])
        refuse_port_clashes(host, inventory)


def _refuse(host: Host, key: str, message: str, next_step: str = "") -> ConfigurationError:
    """Return the error about the value of `key` on `host`, at the line that set it."""
    origin = host.origins.get(key)
    return ConfigurationError(message, where=str(origin) if origin else f"host {host.name}", next_step=next_step)


def _connection(host: Host, line: str) -> None:
    """Check that the host can be reached at all."""
    connection = host.variables.connection
    if connection.transport == "ssh" and not connection.address:
        raise ConfigurationError(
            f"host `{host.name}` has no `connection.address`",
            where=line,
            next_step="set `connection.address` for it, or `connection.transport: local` for this machine",
        )


def _urls(host: Host) -> None:
    """Check the URLs that people and clients use: a scheme, a host, perhaps a port."""
    for name in ("gateway", "ui"):
        url = getattr(host.variables.urls, name)
        if url and not _URL.fullmatch(url):
            raise _refuse(
                host,
                f"urls.{name}",
                f"`urls.{name}` must be http:// or https://, a host and perhaps a port, and nothing after it",
                "for example https://helicone.example.com",
            )


def _stores(host: Host) -> None:
    """Check that an external store is described, and that a bundled one can work."""
    variables = host.variables
    checks: tuple[tuple[str, str, str, re.Pattern[str], str], ...] = (
        (
            "postgres",
            "host",
            variables.postgres.host,
            _HOST,
            "a host name or address, without scheme and port",
        ),
        ("clickhouse", "url", variables.clickhouse.url, _URL_WITH_PORT, "http(s)://host:port"),
        (
            "object_store",
            "endpoint",
            variables.object_store.endpoint,
            _URL,
            "http(s)://host, perhaps with a port",
        ),
    )
    bundled = bundled_stores(host)
    for store, field, value, pattern, words in checks:
        key = f"{store}.{field}"
        if store in bundled:
            continue
        if not value:
            raise _refuse(
                host,
                f"{store}.mode",
                f"`{store}.mode` is external, but `{key}` is empty",
                f"set `{key}` to {words}",
            )
        if not pattern.fullmatch(value):
            raise _refuse(host, key, f"`{key}` must be {words}")
    if "postgres" in bundled and variables.postgres.user != "postgres":
        raise _refuse(
            host,
            "postgres.user",
            "`postgres.user` must be postgres: Helicone's migrations name that role literally",
        )


def _limits(host: Host) -> None:
    """Check that every amount of memory is one that Docker takes."""
    variables = host.variables
    sections = ("postgres", "clickhouse", "object_store", "migrations", "jawn", "web", "egress", "edge")
    for name in sections:
        memory = getattr(variables, name).memory
        megabytes = int(memory[:-1]) * (1024 if memory.endswith("g") else 1)
        if megabytes < _SMALLEST_MEMORY_MB:
            raise _refuse(
                host,
                f"{name}.memory",
                f"`{name}.memory` is {memory}: Docker needs at least {_SMALLEST_MEMORY_MB}m",
            )


def _environment_names(host: Host) -> None:
    """Check that free environment variables have names that a container can carry."""
    variables = host.variables
    for section in ("postgres", "clickhouse", "object_store", "jawn", "web"):
        for name in getattr(variables, section).environment:
            if not _VARIABLE_NAME.fullmatch(name):
                raise _refuse(
                    host,
                    f"{section}.environment.{name}",
                    f"`{name[:40]}` in `{section}.environment` cannot be the name of an environment variable",
                    "use letters, digits and _, and do not start with a digit",
                )


def _one_of_each(inventory: Inventory) -> None:
    """Check that what belongs to the whole environment is the same on every host."""
    first, *others = inventory.hosts.values()
    for key in _SHARED:
        reader = _reader(key)
        for other in others:
            if reader(other) != reader(first):
                raise _refuse(
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
            place = "this machine" if host.address == "local" else f"{host.address} port {port}"
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
            raise _refuse(host, key, f"`{key}` must be an IP address, not `{value[:40]}`")
    if "edge" in host.roles and not host.publish_address:
        raise ConfigurationError(
            f"host `{host.name}` has no `publish_address`, and its `connection.address` is no IP address",
            where=line,
            next_step="set `publish_address` to the IP that clients reach, or to 0.0.0.0 for every interface",
        )
    if host.private_address:
        return
    if "data" in host.roles and bundled_stores(host) and serves_other_hosts(host, inventory):
        raise ConfigurationError(
            f"data host `{host.name}` has no `private_address`, where the app hosts reach its stores",
            where=line,
            next_step="set `private_address` to its IP on the network that only your hosts are on",
        )
    if serves_other_edges(host, inventory):
        raise ConfigurationError(
            f"app host `{host.name}` has no `private_address`, where the edge hosts reach it",
            where=line,
            next_step="set `private_address` to its IP on the network that only your hosts are on",
        )
