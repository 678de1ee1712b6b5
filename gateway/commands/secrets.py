"""`invoke secrets.edit`: the secrets in the operator's editor."""

from __future__ import annotations

from typing import Any

from gateway.commands.project import Project, identity_path, vault_path
from gateway.console import say
from gateway.vault_edit import describe_edit, edit_vault


def edit(project: Project, as_json: bool) -> dict[str, Any]:
    """Open the environment's secrets in $EDITOR and save them encrypted; returns the names that changed.

    Secrets that are missing are made first, and said so.
    """
    inventory = project.inventory
    project.vault  # noqa: B018 - makes what is missing
    changed = edit_vault(vault_path(inventory), identity_path(inventory), project.recipients)
    if not as_json:
        say(describe_edit(vault_path(inventory), changed))
    return {"environment": inventory.environment, "changed": changed}
