"""`invoke secrets.recipients`: who can open the secrets, as the inventory says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gateway.age_identity import read_identities
from gateway.commands.deploy import Confirm
from gateway.commands.project import Project, identity_path, vault_path
from gateway.console import say
from gateway.private_file import shown_path
from gateway.rotation import is_external, seen_by_leavers, with_leavers


def recipients(project: Project, confirm: Confirm, as_json: bool) -> dict[str, Any]:
    """Encrypt the secrets to this operator and to `secrets.recipients`, nobody else, and return who changed.

    Whoever is left out has seen the values, and is told of until they are replaced. Raises
    ConfigurationError if the secrets cannot be opened, or a recipient is none.
    """
    vault, own = project.saved_vault(), str(read_identities(identity_path(project.inventory))[0].to_public())
    before, after = vault.notes.recipients, tuple(dict.fromkeys([own, *project.recipients]))
    added, removed = [one for one in after if one not in before], [one for one in before if one not in after]
    result: dict[str, Any] = {
        "environment": project.inventory.environment, "recipients": list(after), "added": added if before else [],
        "removed": removed, "to_rotate": [], "to_revoke_elsewhere": [],
    }  # fmt: skip
    if not as_json:
        for one in after:
            say(f"{one}{' (you)' if one == own else ''}{' new' if one in result['added'] else ''}")
        for one in removed:
            say(f"{one} will not be able to open them", "yellow")
    if set(before) == set(after):
        return {**result, "outcome": "no changes"}
    if removed and not confirm():
        return {**result, "outcome": "not confirmed"}
    kept = with_leavers(replace(vault, notes=replace(vault.notes, recipients=())), removed, datetime.now(UTC))
    project.keep(kept)
    seen = sorted({name for names in seen_by_leavers(kept).values() for name in names}) if removed else []
    result["to_revoke_elsewhere"] = [name for name in seen if is_external(project.inventory, name)]
    result["to_rotate"] = [name for name in seen if name not in result["to_revoke_elsewhere"]]
    if not as_json:
        path = shown_path(vault_path(project.inventory))
        say(f"{path} is encrypted anew; put it under version control", "green")
        if removed:
            _say_what_was_seen(project, result)
    return {**result, "outcome": "saved"}


def _say_what_was_seen(project: Project, result: dict[str, Any]) -> None:
    """Say what the people who were removed know all the same."""
    environment = project.inventory.environment
    say(
        "Who was removed has seen every value, and can still open older copies of the file. Replace"
        f" {', '.join(result['to_rotate'])}: invoke secrets.rotate --env {environment} --all --revoke", "yellow",
    )  # fmt: skip
    if result["to_revoke_elsewhere"]:
        names = ", ".join(result["to_revoke_elsewhere"])
        say(f"And make these anew where they come from, then secrets.rotate --name ... --given: {names}", "yellow")
    say(f"invoke status --env {environment} names what is left.")
