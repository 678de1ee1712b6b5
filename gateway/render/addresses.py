"""Where each part reaches the others, and what is published on which address."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from gateway.errors import ConfigurationError
from gateway.inventory.published import STORES, PublishedPort, bundled_stores
from gateway.render import topology

if TYPE_CHECKING:
    from gateway.inventory.model import Host, Inventory

_PUBLISHING = (*(service for service, _ in STORES.values()), "egress", "web", "door")


# Ports on 127.0.0.1 beside jawn: one for the default provider, then one for each in the order of their names.
DEFAULT_EGRESS_PORT = 9101
FIRST_EGRESS_PORT = 9110


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
    """A provider as the proxies need it: the parts of its base URL, and what decides who gets a request.

    `base_path` replaces the `/v1` of a request; `egress` is the port on 127.0.0.1 beside jawn that
    leads to it.
    """

    name: str
    kind: str
    key_prefix: str
    inject_key: bool
    base_url: str
    scheme: str
    host: str
    port: int
    base_path: str
    egress: int

    @property
    def origin(self) -> str:
        """Return scheme and authority, as in the base URL."""
        return f"{self.scheme}://{self.host_header}"

    @property
    def host_header(self) -> str:
        """Return the authority, without the port that goes without saying."""
        usual = {"http": 80, "https": 443}[self.scheme]
        shown = topology.bracketed(self.host)
        return shown if self.port == usual else f"{shown}:{self.port}"


def public_urls(inventory: Inventory, host: Host) -> PublicUrls:
    """Return the addresses of the gateway and the UI that the services on `host` are to tell.

    They are `urls.*` of the host; where empty, those of its own edge, else of the first edge host.
    """
    edges = [one for one in inventory.hosts.values() if "edge" in one.roles]
    edge = host if "edge" in host.roles or not edges else edges[0]
    said = host.variables.urls
    of_edge = edge.variables.urls
    scheme = "http" if edge.variables.edge.tls.mode == "off" else "https"
    base = f"{scheme}://{topology.bracketed(certificate_names(edge)[0])}"
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


def mappings_of(ports: Iterable[PublishedPort]) -> dict[str, str]:
    """Return as YAML the port mappings of each service that may have some, where `ports` are published."""
    mappings: dict[str, list[str]] = {service: [] for service in _PUBLISHING}
    for one in ports:
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


def providers_of(host: Host) -> list[Provider]:
    """Return the providers of `host`, those with a longer key prefix first, so that the first match is the best."""
    found = []
    default = host.variables.gateway.default_provider
    for number, (name, given) in enumerate(sorted(host.variables.providers.items())):
        parts = urlsplit(given.base_url)
        provider = Provider(
            name=name,
            kind=given.kind,
            key_prefix=given.key_prefix,
            inject_key=given.inject_key,
            base_url=given.base_url.rstrip("/"),
            scheme=parts.scheme,
            host=str(parts.hostname),
            port=parts.port or (443 if parts.scheme == "https" else 80),
            base_path=parts.path.rstrip("/"),
            egress=DEFAULT_EGRESS_PORT if name == default else FIRST_EGRESS_PORT + number,
        )
        found.append(provider)
    return sorted(found, key=lambda provider: -len(provider.key_prefix))


def certificate_names(edge: Host) -> list[str]:
    """Return the names and addresses that the edge of `edge` is called by, the main one first."""
    return list(edge.variables.edge.tls.names) or [_public_address(edge)]


def certificate_finder(edge: Host) -> Callable[[str, str], str]:
    """Return a function that gives the file of a name's certificate (`crt`) or key (`key`), or their folder (``).

    The files are as the gateway's container sees them: the operator's, or those that Caddy keeps in
    its store, which names folders after the authority's URL and the certificate's name.
    """
    tls = edge.variables.edge.tls
    authority = "local" if tls.mode == "internal" else tls.authority.partition("://")[2].replace("/", "-")

    def find(name: str, kind: str) -> str:
        """Return the path."""
        if tls.mode == "files":
            return {"": "/certificates", "crt": "/certificates/fullchain.pem", "key": "/certificates/privkey.pem"}[kind]
        folder = f"/certificates/caddy/certificates/{authority}/{name}"
        return f"{folder}/{name}.{kind}" if kind else folder

    return find


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
    """Return the edge's address: what is published, or the connection's for `all addresses`."""
    address = edge.publish_address
    if address and not ip_address(address).is_unspecified:
        return address
    return edge.variables.connection.address or "127.0.0.1"
