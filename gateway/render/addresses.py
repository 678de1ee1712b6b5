"""Where each part reaches the others, and what is published on which address."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from gateway.errors import ConfigurationError
from gateway.inventory.published import STORES, bundled_stores, published_ports
from gateway.render import topology

if TYPE_CHECKING:
    from gateway.inventory.model import Host, Inventory

_PUBLISHING = (*(service for service, _ in STORES.values()), "egress", "web", "edge")


class PublicUrls(NamedTuple):
    """What people and clients use, without a slash at the end."""

    gateway: str
    ui: str


@dataclass(frozen=True)
class Stores:
    """The stores as a host's services reach them: host:port, and URLs."""

    postgres: str
    clickhouse: str
    object_store: str
    object_store_public: str


@dataclass(frozen=True)
class Provider:
    """The parts of `provider.base_url`; `base_path` replaces the `/v1` of a request."""

    origin: str
    host_header: str
    base_path: str


def public_urls(inventory: Inventory, host: Host) -> PublicUrls:
    """Return the addresses of the gateway and the UI that the services on `host` are to tell.

    They are `urls.*` of the host; where empty, those of its own edge, else of the first edge host.
    """
    edges = [one for one in inventory.hosts.values() if "edge" in one.roles]
    edge = host if "edge" in host.roles or not edges else edges[0]
    said = host.variables.urls
    of_edge = edge.variables.urls
    base = f"http://{_public_address(edge)}"
    return PublicUrls(
        (said.gateway or of_edge.gateway or f"{base}:{edge.variables.ports.gateway}").rstrip("/"),
        (said.ui or of_edge.ui or f"{base}:{edge.variables.ports.ui}").rstrip("/"),
    )


def stores_of(inventory: Inventory, host: Host) -> Stores:
    """Return how the services on `host` reach the three stores.

    Raises ConfigurationError if an external store is not described, or a bundled one is on a host
    without a private address.
    """
    variables = host.variables
    clickhouse = _where(inventory, host, "clickhouse")
    object_store = _where(inventory, host, "object_store")
    external = variables.object_store.endpoint.rstrip("/")
    return Stores(
        postgres=_where(inventory, host, "postgres")
        or f"{_given(host, 'postgres.host', variables.postgres.host)}:{variables.postgres.port}",
        clickhouse=f"http://{clickhouse}"
        if clickhouse
        else _given(host, "clickhouse.url", variables.clickhouse.url).rstrip("/"),
        object_store=f"http://{object_store}" if object_store else _given(host, "object_store.endpoint", external),
        object_store_public=variables.object_store.public_endpoint.rstrip("/")
        or (public_urls(inventory, host).ui if object_store else external),
    )


def port_mappings(inventory: Inventory, host: Host) -> dict[str, str]:
    """Return as YAML the port mappings of each service that may have some, on `host`."""
    mappings: dict[str, list[str]] = {service: [] for service in _PUBLISHING}
    for one in published_ports(host, inventory):
        mappings[one.service].append(f"{topology.bracketed(one.address)}:{one.port}:{one.inside}")
    return {name: f"!override {json.dumps(found)}" if found else "!reset []" for name, found in mappings.items()}


def edge_upstreams(inventory: Inventory, host: Host) -> dict[str, list[str] | str]:
    """Return where the edge of `host` finds jawn and web, and the bundled object store if there is one."""
    apps = topology.app_hosts_behind(inventory, host)
    if not apps:
        raise ConfigurationError(
            "there is an edge but no host with the role app behind it",
            where=f"inventory/{inventory.environment}/hosts.yml",
            next_step="put a host into the group `app`",
        )
    why = f"the edge on {host.name} sends requests to it"
    local = {"jawn": "jawn:8585", "web": "web:3000"}
    return {
        name: [
            inside
            if app.name == host.name
            else f"{topology.private_address(app, why)}:{getattr(app.variables.ports, name)}"
            for app in apps
        ]
        for name, inside in local.items()
    } | {"object_store": _where(inventory, host, "object_store")}


def provider_of(base_url: str) -> Provider:
    """Return the parts of a provider's base URL such as `https://host/compatible-mode/v1`."""
    parts = urlsplit(base_url)
    return Provider(f"{parts.scheme}://{parts.netloc}", parts.netloc, parts.path.rstrip("/"))


def _where(inventory: Inventory, host: Host, store: str) -> str:
    """Return host:port of a bundled store as `host` reaches it, empty for an external one."""
    if store not in bundled_stores(host):
        return ""
    data = topology.data_host(inventory)
    if data is None or data.name == host.name:
        name, port = STORES[store]
        return f"{name}:{port}"
    address = topology.private_address(data, f"{host.name} connects to its {store}")
    return f"{address}:{getattr(data.variables.ports, store)}"


def _given(host: Host, key: str, value: str) -> str:
    if value:
        return value
    raise ConfigurationError(
        f"{key} is empty, but its mode is external",
        where=f"host {host.name}",
        next_step=f"set {key}, or set {key.partition('.')[0]}.mode to bundled",
    )


def _public_address(edge: Host) -> str:
    """Return the edge's address in a URL: what is published, or the connection's for `all addresses`."""
    address = edge.publish_address
    if address and not ip_address(address).is_unspecified:
        return topology.bracketed(address)
    return topology.bracketed(edge.variables.connection.address or "127.0.0.1")
