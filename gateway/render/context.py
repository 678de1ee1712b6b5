"""The names that the templates of one host may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.errors import ConfigurationError
from gateway.images import pin
from gateway.inventory.published import published_ports
from gateway.render import topology
from gateway.render.addresses import (
    certificate_finder,
    certificate_names,
    edge_upstreams,
    mappings_of,
    providers_of,
    public_urls,
    stores_of,
)
from gateway.render.authorities import operators_authority
from gateway.render.guards import guard_files, rules_of
from gateway.render.quoting import quote_env
from gateway.render.roles import EVERY_HOST, ServiceRecipe, load_role, service_role
from gateway.secret import Secret
from gateway.vault import diff_key

if TYPE_CHECKING:
    from gateway.inventory.model import Host, Inventory
    from gateway.render.model import ServiceRole
    from gateway.vault import Vault


@dataclass(frozen=True)
class PlannedService:
    """A service that the host is to run: its role in a rollout and its recipe."""

    role: ServiceRole
    recipe: ServiceRecipe

    @property
    def template(self) -> str:
        """Return the template of the service's part of the override."""
        return self.recipe.template


@dataclass
class Settings:
    """Writes lines of `.env`, and remembers which of them are secret and what they hold."""

    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    def line(self, name: str, value: str | float | Secret) -> str:
        """Return the line that sets `name` to `value`."""
        if isinstance(value, Secret):
            self.secrets[name] = value.reveal()
            return f"{name}={quote_env(value.reveal())}"
        return f"{name}={quote_env(str(value))}"


def planned_services(inventory: Inventory, host: Host) -> dict[str, PlannedService]:
    """Return the services of `host` by name, in the order of their start: stores, migrations, app, edge."""
    planned: dict[str, PlannedService] = {}
    for role in ("data", EVERY_HOST, "app", "edge"):
        if role != EVERY_HOST and role not in host.roles:
            continue
        for name, recipe in load_role(role).services.items():
            if recipe.bundled and getattr(host.variables, recipe.bundled).mode != "bundled":
                continue
            if recipe.runs == "once" and topology.migrator(inventory) != host.name:
                continue
            planned[name] = PlannedService(service_role(role, recipe), recipe)
    return planned


def planned_files(host: Host) -> dict[str, str]:
    """Return the templates of the files of `host`, by path in the release."""
    files: dict[str, str] = {}
    for role in (EVERY_HOST, *host.roles):
        files |= load_role(role).files
    return files | guard_files(host)


def context_of(
    inventory: Inventory,
    host: Host,
    vault: Vault,
    lock: Mapping[str, str],
    settings: Settings,
    upstream_services: Sequence[str],
) -> dict[str, Any]:
    """Return all names for the templates of `host`.

    The host's variables have their own names; `services` are the planned ones, `disabled` those of
    `upstream_services` that do not run here. Raises ConfigurationError for what the inventory
    leaves open: an external store without address, a host without private address.
    """
    variables = host.variables
    services = planned_services(inventory, host)
    return {
        **{name: getattr(variables, name) for name in type(variables).model_fields},
        "host": host.name,
        "project": inventory.project,
        "release": f"{variables.directory}/{inventory.environment}/current",
        "live": f"{variables.directory}/{inventory.environment}/live",
        "services": services,
        "disabled": [name for name in upstream_services if name not in services],
        "volumes": list(dict.fromkeys(name for service in services.values() for name in service.recipe.volumes)),
        "urls": public_urls(inventory, host),
        "addresses": stores_of(inventory, host) if {"jawn", "migrations", "recorder"} & set(services) else None,
        "published": mappings_of(published_ports(host, inventory)),
        "rules": rules_of(inventory, host) if variables.firewall.mode != "off" else None,
        "upstreams": _upstreams(inventory, host) if "edge" in services else None,
        "routes": providers_of(host),
        "bracketed": topology.bracketed,
        "certificate_names": certificate_names(host),
        "certificate_file": certificate_finder(host),
        "operators_authority": operators_authority(inventory, host),
        "postgres_login": partial(postgres_login, host, vault),
        "gateway_login": partial(gateway_login, vault),
        "image": _image_finder(host, lock, inventory.environment),
        "secret": _secret_finder(vault, inventory.environment),
        "setting": settings.line,
    }


def gateway_login(vault: Vault) -> str:
    """Return the user that the edge is in PostgreSQL and ClickHouse.

    Each password has a user of its own, named after the password's keyed mark: so the login of the
    release that runs and that of the one to come are both good while hosts are switched.
    """
    return f"helicone_gateway_{vault['gateway_stores_password'].fingerprint(diff_key(vault))}"


def postgres_login(host: Host, vault: Vault) -> str:
    """Return the role that Helicone logs in to PostgreSQL as; one for each password, see `gateway_login`."""
    if host.variables.postgres.mode == "external":
        return host.variables.postgres.user
    return f"helicone_{vault['postgres_password'].fingerprint(diff_key(vault))}"


def _upstreams(inventory: Inventory, host: Host) -> dict[str, Any]:
    """Return where the edge sends what, with the paths by which browsers load objects."""
    buckets = host.variables.object_store.buckets
    paths = sorted({f"/{name}/*" for name in (buckets.requests, buckets.prompts, buckets.hql)})
    return {**edge_upstreams(inventory, host), "bucket_paths": paths}


def _image_finder(host: Host, lock: Mapping[str, str], environment: str) -> Callable[[str], str]:
    """Return a function that gives the pinned reference of an image by its key; only those used need a digest."""

    def image(key: str) -> str:
        origin = host.origins.get(f"images.{key}")
        where = f"images.{key} of {host.name}" + (f" ({origin})" if origin else "")
        return pin(getattr(host.variables.images, key), lock, key=where, environment=environment)

    return image


def _secret_finder(vault: Vault, environment: str) -> Callable[[str], Secret]:
    """Return a function that gives a secret by name."""

    def secret(name: str) -> Secret:
        """Return the secret, or raise with where to add it."""
        if name in vault.values:
            return vault.values[name]
        raise ConfigurationError(
            f"the secret {name} is missing",
            where=f"inventory/{environment}/secrets.yml.age",
            next_step=f"invoke secrets.edit --env {environment}",
        )

    return secret
