"""How old the secrets are, for `invoke status`."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from gateway.commands.project import identity_path, vault_path
from gateway.console import say
from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.rotation import CLIENTS_KEY, seen_by_leavers, unsettled
from gateway.vault import open_vault


def ages_of(inventory: Inventory, now: datetime | None = None) -> dict[str, Any]:
    """Return `made` and `days` of each secret, None where that is not known, and what is left of rotations.

    `problem` says instead why the secrets cannot be read here: status is of use without them.
    """
    now = now or datetime.now(UTC)
    try:
        vault = open_vault(vault_path(inventory), identity_path(inventory))
    except ConfigurationError as error:
        return {"problem": error.message}
    made = {name: vault.made(name) for name, value in vault.values.items() if value.reveal()}
    return {
        "ages": {
            name: {
                "made": at.isoformat() if at else None,
                "days": round((now - at).total_seconds() / 86400, 2) if at else None,
            }
            for name, at in made.items()
        },
        "unfinished": list(unsettled(vault)),
        "still_valid": [name for name in vault.notes.previous if name == CLIENTS_KEY],
        "seen_by": {reader: list(names) for reader, names in seen_by_leavers(vault).items()},
    }


def show_ages(environment: str, found: dict[str, Any]) -> None:
    """Print the ages in one line, oldest first, and a line for whatever the operator has to do about secrets."""
    if "problem" in found:
        say(f"secrets: their ages are not known here: {found['problem']}")
        return
    parts = [f"{age}: {', '.join(names)}" for age, names in by_age(found)]
    say(f"secrets: {'; '.join(parts)}")
    for line in to_do(environment, found):
        say(line, "yellow")


def by_age(found: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the names of the secrets under their ages in words, oldest first."""
    whole = {name: None if age["days"] is None else int(age["days"]) for name, age in found["ages"].items()}
    order = sorted(whole, key=lambda name: (whole[name] is not None, -(whole[name] or 0)))
    return [(_words(days), list(names)) for days, names in groupby(order, key=lambda name: whole[name])]


def to_do(environment: str, found: dict[str, Any]) -> list[str]:
    """Return a sentence for whatever the operator has to do about secrets."""
    lines = []
    if found["unfinished"]:
        names = ", ".join(found["unfinished"])
        lines.append(f"a rotation of {names} is not finished: invoke deploy --env {environment} finishes it")
    if found["still_valid"]:
        lines.append(
            f"the {CLIENTS_KEY} before the present one is still valid: invoke secrets.rotate --env {environment}"
            f" --name {CLIENTS_KEY} --revoke ends that"
        )
    for reader, names in found["seen_by"].items():
        lines.append(f"{reader[:16]}... cannot open the secrets any more, and has seen {', '.join(names)}")
    return lines


def _words(days: int | None) -> str:
    if days is None:
        return "age unknown"
    return "made today" if days == 0 else f"{days} day{'s' if days > 1 else ''} old"
