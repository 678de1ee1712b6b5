"""What can be said of a host before its first deploy: what to ask it, and what of its answers stands in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.inventory.model import Host, Inventory
from gateway.inventory.published import bundled_stores, published_ports, store_users
from gateway.preflight import Finding, findings

DOCKERS_OWN = ""  # where Docker looks for images without a registry in their name: only the host's engine knows
_ANYWHERE = {"0.0.0.0", "::", "127.0.0.1", "::1"}  # noqa: S104  # compared with, not bound to
_EDGE_PORTS = ("ports.gateway", "ports.ui", "ports.acme")
Places = dict[tuple[str, int], tuple[str, bool]]


def places_of(inventory: Inventory, host: Host) -> Places:
    """Return the places that `host` must reach, each with what for, and whether something must listen there already.

    Registries, the providers (from hosts with an edge or an app), external stores, and the hosts of the
    environment that bundled stores will run on.
    """
    registries = [place for place in registries_of(host) if place[0] != DOCKERS_OWN]
    found: Places = dict.fromkeys(registries, ("images come from there", True))
    if {"edge", "app"} & set(host.roles):
        for provider, settings in host.variables.providers.items():
            found.setdefault(_place(settings.base_url), (f"the provider {provider}", True))
    if host.name in store_users(inventory):
        found |= _stores(inventory, host)
    return found


def registries_of(host: Host) -> dict[tuple[str, int], str]:
    """Return the registries that the images of `host` come from, by name and port, each with one of its images."""
    found: dict[tuple[str, int], str] = {}
    for image in host.variables.images.model_dump().values():
        registry = image.partition("/")[0] if "/" in image else ""
        named = "." in registry or ":" in registry or registry == "localhost"
        name, _, port = (registry if named else DOCKERS_OWN).partition(":")
        found.setdefault((name, int(port or 443)), image.partition("@")[0])
    return found


def _stores(inventory: Inventory, host: Host) -> Places:
    """Return the places of PostgreSQL, ClickHouse and the object store as `host` will use them."""
    variables, found = host.variables, Places()
    bundled = bundled_stores(host)
    if "postgres" not in bundled:
        found[variables.postgres.host, variables.postgres.port] = ("the external PostgreSQL", True)
    for store, url in (("clickhouse", variables.clickhouse.url), ("object_store", variables.object_store.endpoint)):
        if store not in bundled:
            found[_place(url)] = (f"the external {store.replace('_', ' ')}", True)
    for other in inventory.hosts.values():
        if "data" in other.roles and other.name != host.name:
            for store in bundled_stores(other):
                port = getattr(other.variables.ports, store)
                found[other.private_address, port] = (f"{store.replace('_', ' ')} on {other.name}", False)
    return found


def files_of(host: Host) -> list[str]:
    """Return the files that must lie on `host` before a deploy."""
    tls = host.variables.edge.tls
    if "edge" in host.roles and tls.mode == "files":
        return [f"{tls.directory}/{name}" for name in ("fullchain.pem", "privkey.pem")]
    return []


def host_findings(
    inventory: Inventory, host: Host, observed: Mapping[str, Any], examined: Mapping[str, Any]
) -> list[Finding]:
    """Return what stands in the way of a deploy to `host`, from its snapshot and its examination."""
    ports = [(port.service, port.address, port.port) for port in published_ports(host, inventory)]
    return [
        *findings(host, inventory.project, ports, observed),
        *_installing(host, observed["facts"], examined),
        *_addresses(inventory, host, examined["addresses"]),
        *_reaching(inventory, host, examined["places"]),
        *_refusing(examined["registries"]),
        *_lacking(examined["files"]),
    ]


def _installing(host: Host, facts: Mapping[str, Any], examined: Mapping[str, Any]) -> Iterator[Finding]:
    if facts["engine"] is None and host.variables.docker.install and not examined["can_install"]:
        yield Finding(
            f"Docker is missing, and on {examined['system']} there is no apt-get to install it with",
            "install Docker Engine on the host by hand: https://docs.docker.com/engine/install/",
        )


def _addresses(inventory: Inventory, host: Host, own: list[str]) -> Iterator[Finding]:
    """Yield the addresses that ports are to be published on and the host does not have."""
    wanted = {
        port.address: "publish_address" if port.key in _EDGE_PORTS else "private_address"
        for port in published_ports(host, inventory)
    }
    for address, key in wanted.items():
        if address not in _ANYWHERE and address not in own:
            yield Finding(
                f"{address} is no address of this host (it has {', '.join(own)}), so nothing can be published on it",
                f"set {key} for {host.name} to one of them; behind NAT that is the inner one",
            )


def _reaching(inventory: Inventory, host: Host, places: list[Mapping[str, Any]]) -> Iterator[Finding]:
    wanted = places_of(inventory, host)
    for place in places:
        name, port = place["name"], place["port"]
        what, must_listen = wanted[name, port]
        problem = place["problem"] or ("the connection was refused" if place["refused"] and must_listen else "")
        if problem:
            yield Finding(
                f"it does not reach {name} port {port} ({what}): {problem}",
                f"let what filters between them pass it, or mend the address; on the host: nc -vz {name} {port}",
            )


def _refusing(registries: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the registries that Docker on the host got no image from, with what it said."""
    for image, problem in registries.items():
        yield Finding(
            f"Docker gets nothing about {image} from its registry: {problem}",
            f"check the image's name, and what the host reaches; on the host: docker pull {image}",
        )


def _lacking(files: Mapping[str, bool]) -> Iterator[Finding]:
    for path, there in files.items():
        if not there:
            yield Finding(f"{path} is not there", f"put it there, or change edge.tls.mode: it is files; ls -l {path}")


def _place(url: str) -> tuple[str, int]:
    """Return host and port of an http(s) URL."""
    parts = urlsplit(url)
    return str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
