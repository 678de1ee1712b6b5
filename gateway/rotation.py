"""Which secrets can be replaced, and what the vault says while one is.

A replaced value stays in the vault's notes until it was seen to be refused. So whatever interrupts a
rotation, the vault tells the next command what is left to do; see docs/adr/0010-rotation.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.secret import Secret
from gateway.secret_names import SECRET_NAMES, refusal_of
from gateway.vault_notes import read_time, write_time
from gateway.wording import did_you_mean, nearest_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gateway.inventory.model import Inventory
    from gateway.vault import Vault

# Clients hold this one: its old value stays good until somebody says that they have the new one.
CLIENTS_KEY = "helicone_api_key"
# Of this one a copy lies outside, which is out of date then.
BACKUPS_PASSWORD = "backup_password"  # noqa: S105 - its name
# Made by whoever runs the store, where the store is not bundled.
_OF_STORE = {
    "postgres_password": "postgres",
    "clickhouse_password": "clickhouse",
    "object_store_access_key": "object_store",
    "object_store_secret_key": "object_store",
}
# What this program knows how to put into force, and how to see refused. Another secret is not to be made anew lightly:
# the data that it protects may be lost with it.
_OWN = frozenset({
    *_OF_STORE, "clickhouse_hql_password", "gateway_stores_password", "better_auth_secret", "request_cache_key",
    "helicone_manual_access_key", "admin_password", CLIENTS_KEY, "fingerprint_key", BACKUPS_PASSWORD,
})  # fmt: skip
GIVEN = frozenset({"provider_api_key"})
ROTATABLE = _OWN | GIVEN


def is_external(inventory: Inventory, name: str) -> bool:
    """Tell whether a secret belongs to a store that somebody else runs, or to a provider."""
    variables = next(iter(inventory.hosts.values())).variables
    store = _OF_STORE.get(name)
    return name in GIVEN or (store is not None and getattr(variables, store).mode == "external")


def chosen(inventory: Inventory, words: str, *, every: bool, given: bool) -> tuple[str, ...]:
    """Return the secrets that `--name` (separated by commas) or `--all` mean, in the catalogue's order.

    `given` tells that the new value comes from the operator. Raises ConfigurationError for a name that is
    none, or whose value only others can make.
    """
    names = [name.strip() for name in words.split(",") if name.strip()]
    if bool(names) == every or (given and len(names) != 1):
        raise ConfigurationError(
            "--given takes one value, for one secret" if given else "say which secrets: --name or --all, not both",
            where="secrets.rotate", unaffected="nothing was changed",
            next_step=f"invoke secrets.rotate --env {inventory.environment} --name postgres_password",
        )  # fmt: skip
    for name in names:
        _refuse(inventory, name, given=given)
    if every:
        return tuple(name for name in SECRET_NAMES if name in _OWN and not is_external(inventory, name))
    return tuple(name for name in SECRET_NAMES if name in names)


def _refuse(inventory: Inventory, name: str, *, given: bool) -> None:
    where, unaffected = "--name", "nothing was changed"
    if name not in SECRET_NAMES:
        raise ConfigurationError(
            f"unknown secret `{name}`{did_you_mean(nearest_name(name, SECRET_NAMES))}",
            where=where, unaffected=unaffected, next_step=f"the secrets are {', '.join(SECRET_NAMES)}",
        )  # fmt: skip
    if name not in ROTATABLE:
        raise ConfigurationError(
            f"`{name}` is not replaced by this command: nothing here puts a new one into force",
            where=where, unaffected=unaffected, next_step="docs/how-to/rotate-secrets.md says what to do instead",
        )  # fmt: skip
    if is_external(inventory, name) and not given:
        raise ConfigurationError(
            f"`{name}` is made by somebody else, and cannot be made here", where=where, unaffected=unaffected,
            next_step="make the new one there, let both be valid if you can, then: invoke secrets.rotate"
            f" --env {inventory.environment} --name {name} --given",
        )  # fmt: skip


def checked(name: str, text: str) -> Secret:
    """Return the operator's new value of a secret. Raises ConfigurationError, never quoting it, if it cannot work."""
    refusal = refusal_of(name, text) or ("" if text else "is empty")
    if refusal:
        raise ConfigurationError(f"`{name}` {refusal}", where="--given", unaffected="nothing was changed")
    return Secret(text)


def made_anew(name: str) -> Secret:
    """Return a new value of a secret that this program makes."""
    make = SECRET_NAMES[name].make
    assert make is not None  # noqa: S101 - those that are given were refused
    return Secret(make())


def rotated(vault: Vault, values: Mapping[str, Secret], now: datetime) -> Vault:
    """Return the vault with new `values`, keeping the ones before until `settled` says that they are refused."""
    before = {name: vault.values[name] for name in values if name in vault.values and vault.values[name].reveal()}
    after = vault.changed(values, now)
    return replace(after, notes=replace(after.notes, previous={**before, **vault.notes.previous}))


def unsettled(vault: Vault, *, revoke: bool = False) -> tuple[str, ...]:
    """Return the secrets whose old value was not yet seen to be refused.

    The clients' key counts with `revoke` only: without it the old one is meant to stay valid.
    """
    return tuple(name for name in vault.notes.previous if revoke or name != CLIENTS_KEY)


def settled(vault: Vault, names: Sequence[str]) -> Vault:
    """Return the vault without the old values of `names`."""
    left = {name: value for name, value in vault.notes.previous.items() if name not in names}
    return replace(vault, notes=replace(vault.notes, previous=left))


def as_before(vault: Vault) -> Vault:
    """Return the vault as it was before the values were changed that are not settled; ages do not matter in it."""
    return replace(vault, values={**vault.values, **vault.notes.previous})


def with_leavers(vault: Vault, readers: Sequence[str], now: datetime) -> Vault:
    """Return the vault with a note that `readers` could open it until now; who came back has not left."""
    left = {one: since for one, since in vault.notes.left.items() if one not in readers}
    return replace(vault, notes=replace(vault.notes, left={**left, **dict.fromkeys(readers, write_time(now))}))


def seen_by_leavers(vault: Vault) -> dict[str, tuple[str, ...]]:
    """Return by the key of everybody who cannot open the vault any more which of today's values they have seen."""
    found = {}
    for reader, since in vault.notes.left.items():
        until = read_time(since)
        names = tuple(
            name for name, value in vault.values.items()
            if value.reveal() and ((made := vault.made(name)) is None or until is None or made <= until)
        )  # fmt: skip
        if names and reader not in vault.notes.recipients:
            found[reader] = names
    return found
