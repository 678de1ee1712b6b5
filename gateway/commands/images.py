"""`invoke images.lock`: writing down the digest of every image, as the hosts' registry gives it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway.commands.fleet_state import observe
from gateway.commands.project import owner
from gateway.compose_program import compose_program
from gateway.console import Reporter, say
from gateway.errors import ConfigurationError
from gateway.images import load_lock
from gateway.inventory import Inventory
from gateway.plan.build import prepare_host
from gateway.plan.operations import Run
from gateway.private_file import need_writable, write_private
from gateway.rollout import take_leases
from gateway.transport.conversation import AgentError, Conversation
from gateway.transport.fleet import converse
from gateway.vault import Vault

HEADER = (
    "# The digest of every image that this environment runs, asked from the registry by\n"
    "# `invoke images.lock`. Commit it: a deploy pulls exactly these, whatever the tags point to later.\n"
)


def undigested(inventory: Inventory) -> list[str]:
    """Return the images that the inventory names without a digest, each once."""
    named = {image for host in inventory.hosts.values() for image in host.variables.images.model_dump().values()}
    return sorted(image for image in named if "@" not in image)


def _prepare(inventory: Inventory, name: str, conversation: Conversation) -> None:
    """Install Docker on the host that is asked, as its first deploy would, if the inventory lets it.

    Holds the host's lease from then on, because this changes the host. Raises LockedError, ConfigurationError.
    """
    host = inventory.hosts[name]
    try:
        facts = observe(inventory, {name: conversation})[name]["facts"]
        operation = prepare_host(inventory, host, facts, compose_program())
        if not operation.describe() or not host.variables.docker.install:
            return
        run = Run(inventory, Vault({}), {name: conversation}, Reporter())
        take_leases(run, owner(), "images.lock")
        with run.reporter.step(name, operation.describe()):
            operation.apply(run)
    except AgentError as error:
        raise ConfigurationError(
            error.message, where=f"{name}: {error.step}", unaffected="images.lock.yml is as it was",
            next_step="mend it on the host, then ask again",
        ) from None  # fmt: skip


def lock(inventory: Inventory, as_json: bool) -> dict[str, Any]:
    """Resolve every `name:tag` of the environment through the first host's engine and write images.lock.yml.

    What is new, moved or gone since the last time is told: a tag that moved is another program under
    the old name. The host's own engine asks, so the registry, its certificate and its login are those that a deploy
    uses, and the controller needs no Docker. Raises ConfigurationError when an image is unknown, or the file cannot
    be written.
    """
    path = inventory.path / "images.lock.yml"
    need_writable(path)
    references = undigested(inventory)
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
    changed = compared(_known(path), digests)
    write_private(path, f"{HEADER}{yaml.safe_dump(digests, sort_keys=True)}".encode(), mode=0o644)
    if not as_json:
        for word, images in changed.items():
            for image in images:
                say(f"{word:<6} {image}", "yellow" if word == "moved" else "")
        shown = path.relative_to(inventory.path.parents[1])
        say(f"{len(digests)} digests written to {shown}; put it under version control")
    return {"environment": inventory.environment, "digests": digests, "changed": changed}


def compared(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    """Return which images are new in a lock, which moved to another digest under the same tag, and which are gone."""
    return {
        "new": sorted(after.keys() - before.keys()),
        "moved": sorted(image for image in after.keys() & before.keys() if after[image] != before[image]),
        "gone": sorted(before.keys() - after.keys()),
    }


def _known(path: Path) -> Mapping[str, str]:
    """Return the digests in the lock as it is; one that cannot be read is about to be replaced, and counts as empty."""
    try:
        return load_lock(path)
    except ConfigurationError:
        return {}
