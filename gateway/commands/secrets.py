"""`invoke secrets.edit`: the secrets in the operator's editor."""

from __future__ import annotations

from typing import Any

from gateway.commands.project import identity_path, vault_path
from gateway.console import say
from gateway.inventory import Inventory
from gateway.vault_edit import describe_edit, edit_vault


def edit(inventory: Inventory, as_json: bool) -> dict[str, Any]:
    """Open the environment's secrets in $EDITOR and save them encrypted; returns the names that changed."""
    recipients = next(iter(inventory.hosts.values())).variables.secrets.recipients
    changed = edit_vault(vault_path(inventory), identity_path(inventory), recipients)
    if not as_json:
        say(describe_edit(changed))
    return {"environment": inventory.environment, "changed": changed}
