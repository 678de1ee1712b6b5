"""One host: its files, merged and checked, and the services that come of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from gateway.document import load_made
from gateway.errors import ConfigurationError
from gateway.inventory.published import published_ports
from gateway.render.addresses import certificate_names, public_urls
from gateway.render.authorities import operators_authority
from gateway.render.context import PlannedService, Settings, context_of, planned_files, planned_services
from gateway.render.merge import content_hashes, merged_definition
from gateway.render.model import Entrance, RenderedFile, RenderedHost, RenderedService
from gateway.render.rules import Expectation, check_merged
from gateway.render.shared import Merge, merged_by_form
from gateway.render.templates import render_template

if TYPE_CHECKING:
    from gateway.inventory.model import Host, Inventory
    from gateway.upstream import Upstream
    from gateway.vault import Vault

HASH_LABEL = "helicone.content-hash"
UPSTREAM_FILE = "compose.upstream.yml"
LABELS_FILE = "compose.labels.yml"
ENV_FILE = ".env"
VERSION_MARK = "@VERSION@"


def render_host(
    inventory: Inventory,
    host: Host,
    vault: Vault,
    upstream: Upstream,
    lock: Mapping[str, str],
    merge: Merge = merged_definition,
) -> RenderedHost:
    """Return all that `host` gets; `merge` does what `merged_definition` does.

    Raises ConfigurationError if the inventory or the secrets leave something open, an image has no
    digest, or the merged definition breaks a rule.
    """
    settings = Settings()
    services = planned_services(inventory, host)
    context = context_of(inventory, host, vault, lock, settings, upstream_services(upstream))
    files = {path: _rendered(path, template, context) for path, template in planned_files(host).items()}
    for service in services.values():
        files |= {path: source.read_bytes() for path, source in service.recipe.code_files.items()}
    files[UPSTREAM_FILE] = upstream.compose
    ports = published_ports(host, inventory)
    merged = merged_by_form(
        merge, context["project"], context["release"], files, ports, settings.secrets.values(), f"host {host.name}"
    )
    complaints = check_merged(merged, expectation(inventory, host, services, context["release"]))
    if complaints:
        raise ConfigurationError(
            "the merged compose files break rules of this project: " + "; ".join(complaints),
            where=f"host {host.name}",
            next_step="look at the variables of these services, and at what upstream.ref changed",
        )
    hashes = content_hashes(merged, {name: service.recipe.read_at_start for name, service in services.items()}, files)
    files[LABELS_FILE] = labels_file(hashes)
    return RenderedHost(
        name=host.name,
        project=context["project"],
        files={
            path: RenderedFile(content, 0o600 if path == ENV_FILE else 0o644) for path, content in sorted(files.items())
        },
        services=tuple(
            _rendered_service(name, service, merged["services"][name], hashes[name], settings)
            for name, service in services.items()
        ),
        secret_keys=frozenset(settings.secrets),
        entrance=entrance_of(inventory, host) if "edge" in services else None,
    )


def entrance_of(inventory: Inventory, edge: Host) -> Entrance:
    """Return how clients come in at `edge`. Raises ConfigurationError as `operators_authority` does."""
    public = public_urls(inventory, edge)
    return Entrance(
        tls=edge.variables.edge.tls.mode,
        name=certificate_names(edge)[0],
        authority=operators_authority(inventory, edge),
        gateway=public.gateway,
        ui=public.ui,
    )


def _rendered(path: str, template: str, context: Mapping[str, Any]) -> bytes:
    """Return a file of the release; one that is read again while a service runs gets its own digest as version."""
    text = render_template(template, context)
    if path.startswith("live/"):
        text = text.replace(VERSION_MARK, hashlib.sha256(text.encode()).hexdigest()[:12])
    return text.encode()


@cache
def upstream_services(upstream: Upstream) -> tuple[str, ...]:
    """Return the names of the services in Helicone's compose file, in its order.

    Raises ConfigurationError if it is no compose file.
    """
    shown = f"upstream's compose file at {upstream.commit[:12]}"
    try:
        document = load_made(upstream.compose)
        return tuple(document["services"])
    except (yaml.YAMLError, TypeError, KeyError):
        raise ConfigurationError(
            "there are no services in it", where=shown, next_step="set upstream.compose_path or upstream.ref"
        ) from None


def expectation(inventory: Inventory, host: Host, services: Mapping[str, PlannedService], release: str) -> Expectation:
    """Return what the inventory allows on `host`: its services, and its ports with their addresses."""
    published: dict[str, list[tuple[str, int]]] = {}
    for port in published_ports(host, inventory):
        published.setdefault(port.service, []).append((port.address, port.port))
    return Expectation(
        services=tuple(services),
        one_shots=[name for name, service in services.items() if service.recipe.runs == "once"],
        published=published,
        mounts_below=(release, f"{release.removesuffix('current')}live", host.variables.edge.tls.directory),
    )


def labels_file(hashes: Mapping[str, str]) -> bytes:
    """Return the compose file that puts each service's content hash on its container."""
    lines = ["# Derived: what change detection compares with the running containers.", "services:"]
    for name, content_hash in hashes.items():
        lines += [f"  {name}:", "    labels:", f'      {HASH_LABEL}: "{content_hash}"']
    return ("\n".join(lines) + "\n").encode()


def _rendered_service(
    name: str, service: PlannedService, definition: Mapping[str, Any], content_hash: str, settings: Settings
) -> RenderedService:
    """Return the service with what of its merged definition may be shown."""
    secrets = [value for value in settings.secrets.values() if value]
    environment = {key: str(value or "") for key, value in (definition.get("environment") or {}).items()}
    return RenderedService(
        name=name,
        role=service.role,
        image=str(definition["image"]),
        content_hash=content_hash,
        one_shot=service.recipe.runs == "once",
        handover=service.recipe.handover,
        live=service.recipe.live,
        ports=tuple(
            (str(port["host_ip"]), int(port["published"]), int(port["target"]))
            for port in definition.get("ports") or []
        ),
        environment={
            key: value for key, value in environment.items() if not any(secret in value for secret in secrets)
        },
    )
