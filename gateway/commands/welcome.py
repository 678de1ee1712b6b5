"""`invoke welcome`: where the gateway and the UI are, and a first request to paste."""

from __future__ import annotations

import json
import shlex
from typing import Any

from gateway.commands.project import identity_path, vault_path
from gateway.console import say
from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.inventory.model import Host
from gateway.render.addresses import PublicUrls, public_urls
from gateway.render.authorities import operators_authority
from gateway.vault import Vault, open_vault


def welcome(inventory: Inventory, as_json: bool) -> dict[str, Any]:
    """Print addresses, the first account, and a curl with the environment's Helicone key; return them as data.

    This is the one verb that prints a secret, because the key is of no use unseen. Asks no host and
    changes nothing. Raises ConfigurationError when there is no edge, or no secrets yet.
    """
    doors = doors_of(inventory)
    if not doors:
        raise ConfigurationError(
            "no host has the role edge, so there is no address to use",
            where=f"inventory/{inventory.environment}/hosts.yml", next_step="put a host into the group `edge`",
        )  # fmt: skip
    vault = open_vault(vault_path(inventory), identity_path(inventory))
    host = next(iter(inventory.hosts.values()))
    curl = first_request(doors[0].gateway, host.variables.verify.model, vault, _own_authority(inventory))
    if not as_json:
        say(page(inventory.environment, doors, host, curl))
    return {
        "environment": inventory.environment,
        "gateways": [f"{door.gateway}/v1" for door in doors],
        "uis": [door.ui for door in doors],
        "account": host.variables.admin.email,
        "curl": curl,
    }


def doors_of(inventory: Inventory) -> list[PublicUrls]:
    """Return the addresses of every edge, each once: edges behind one balancer share theirs."""
    edges = [host for host in inventory.hosts.values() if "edge" in host.roles]
    return list(dict.fromkeys(public_urls(inventory, edge) for edge in edges))


def _own_authority(inventory: Inventory) -> str:
    """Return the environment's name if clients have to trust an authority of its own, else an empty text."""
    own = any(
        host.variables.edge.tls.mode == "internal" or operators_authority(inventory, host)
        for host in inventory.hosts.values()
    )
    return inventory.environment if own else ""


def first_request(gateway: str, model: str, vault: Vault, authority_of: str = "") -> str:
    """Return a shell command that sends one completion; the provider's key is taken from the shell.

    With `authority_of`, an environment, a command before it fetches what curl has to trust there.
    """
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    trusted = f"helicone-{authority_of}.pem"
    fetch = f"invoke edge.authority --env {authority_of} --out {trusted}\n" if authority_of else ""
    return fetch + " \\\n".join(
        [
            f"curl -sS -i {f'--cacert {trusted} ' if authority_of else ''}{gateway}/v1/chat/completions",
            '  -H "Content-Type: application/json"',
            f'  -H "Helicone-Auth: Bearer {vault["helicone_api_key"].reveal()}"',
            '  -H "Authorization: Bearer ${PROVIDER_API_KEY:-none}"',
            f"  -d {shlex.quote(body)}",
        ]
    )


def page(environment: str, doors: list[PublicUrls], host: Host, curl: str) -> str:
    """Return what is printed: addresses, account, request, next commands."""
    addresses = [line for door in doors for line in (f"  gateway  {door.gateway}/v1", f"  UI       {door.ui}")]
    secrets = f"invoke secrets.edit --env {environment}"
    provider = host.variables.providers[host.variables.gateway.default_provider].base_url
    return "\n".join(
        [
            *addresses,
            f"  account  {host.variables.admin.email}; password: admin_password in `{secrets}`",
            "",
            f"A first request; PROVIDER_API_KEY is your key of {provider}:",
            "",
            curl,
            "",
            "It is recorded when it shows in the UI under Requests, some seconds later. Next:",
            "",
            f"  invoke status --env {environment}      hosts, releases and health in one table",
            f"  invoke plan --env {environment}        what a deploy would change, after an edit of inventory/",
            f"  invoke verify --env {environment}      every check on every host",
            f"  invoke history --env {environment}     what was deployed when",
        ]
    )
