"""`invoke images.lock`: writing down the digest of every image, as the hosts' registry gives it."""

from __future__ import annotations

from typing import Any

import yaml

from gateway.commands.fleet_state import observe
from gateway.compose_program import compose_program
from gateway.console import Reporter, say
from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.plan.build import prepare_host
from gateway.plan.operations import Run
from gateway.transport.conversation import AgentError, Conversation
from gateway.transport.fleet import converse
from gateway.vault import Vault

HEADER = (
    "# The digest of every image that this environment runs, asked from the registry by\n"
    "# `invoke images.lock`. Commit it: a deploy pulls exactly these, whatever the tags point to later.\n"
)


def _prepare(inventory: Inventory, name: str, conversation: Conversation) -> None:
    """Install Docker on the host that is asked, as its first deploy would, if the inventory lets it."""
    host = inventory.hosts[name]
    facts = observe(inventory, {name: conversation})[name]["facts"]
    operation = prepare_host(inventory, host, facts, compose_program())
    if operation.describe() and host.variables.docker.install:
        run = Run(inventory, Vault({}), {name: conversation}, Reporter())
        with run.reporter.step(name, operation.describe()):
            operation.apply(run)


def lock(inventory: Inventory, as_json: bool) -> dict[str, Any]:
    """Resolve every `name:tag` of the environment through the first host's engine and write images.lock.yml.

    The host's own engine asks, so the registry, its certificate and its login are those that a deploy
    uses, and the controller needs no Docker. Raises ConfigurationError when an image is unknown.
    """
    references = sorted(
        {
            reference
            for host in inventory.hosts.values()
            for reference in host.variables.images.model_dump().values()
            if "@" not in reference
        }
    )
    name = inventory.selected[0]
    with converse(inventory.hosts[name], inventory) as conversation:
        try:
            _prepare(inventory, name, conversation)
            digests = conversation.request("resolve", images=references)["digests"]
        except AgentError as error:
            raise ConfigurationError(
                error.message, where=f"{name}: {error.step}", unaffected="images.lock.yml is as it was",
                next_step="check the image's name in the inventory, and that Docker on the host reaches the registry",
            ) from None  # fmt: skip
    path = inventory.path / "images.lock.yml"
    fresh = path.with_suffix(".new")
    fresh.write_text(HEADER + yaml.safe_dump(digests, sort_keys=True))
    fresh.replace(path)
    if not as_json:
        say(f"{len(digests)} digests written to {path.relative_to(inventory.path.parents[1])}")
    return {"environment": inventory.environment, "digests": digests}
