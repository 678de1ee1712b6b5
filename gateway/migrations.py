"""What the names of migration files tell: their order, and which of two releases has the newer schema.

PostgreSQL's are `<version>_<words>.sql` and run by Flyway in the order of the version; ClickHouse's are
`schema_<number>_<words>.sql` and run by Helicone's own program, each that its ledger does not name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.inventory.model import Inventory

STORES = {"postgres": "PostgreSQL", "clickhouse": "ClickHouse"}
_EVERY_HOST = "leave --limit out: migrations concern every host"
_NUMBER = re.compile(r"\d+")


def version(name: str) -> int:
    """Return the number by which a migration is ordered, -1 for a name without any."""
    found = _NUMBER.search(name)
    return int(found[0]) if found else -1


def latest(names: Iterable[str]) -> int:
    """Return the highest version among `names`, -1 if there is none."""
    return max((version(name) for name in names), default=-1)


def late(applied: Collection[str], wanted: Iterable[str]) -> list[str]:
    """Return those of `wanted` that are not `applied` and sort before one that is.

    Flyway refuses to migrate then, as long as its outOfOrder is off, which is how Helicone runs it.
    """
    newest = latest(applied)
    return sorted((name for name in wanted if name not in applied and version(name) < newest), key=version)


def doubled(names: Sequence[str]) -> list[str]:
    """Return the names that share their version with another one: Flyway refuses those, too."""
    counts = Counter(version(name) for name in names)
    return sorted({name for name in names if counts[version(name)] > 1})


def newer(running: Collection[str], wanted: Collection[str]) -> list[str]:
    """Return what `running` has beyond `wanted`, if its newest migration is the newer one.

    A file that upstream took out again is not counted: what came after it is in both.
    """
    if latest(running) <= latest(wanted):
        return []
    return sorted((name for name in running if name not in wanted and version(name) > latest(wanted)), key=version)


def new_files(running: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """Return by store which migration files the manifest `wanted` has and the manifest `running` lacks.

    Empty where `wanted` runs no migrations. A host that runs nothing yet lacks them all.
    """
    if not wanted or not wanted["migrations"]:
        return {}
    files = {store: wanted["migrations"][store]["files"] for store in STORES}
    had = (running or {}).get("migrations") or {store: {"files": ()} for store in STORES}
    found = {store: [name for name in files[store] if name not in had[store]["files"]] for store in STORES}
    return {store: names for store, names in found.items() if names}


def counted(files: Mapping[str, Sequence[str]]) -> str:
    """Return in words how many migrations of which store `files` has."""
    return " and ".join(f"{len(names)} {STORES[store]}" for store, names in files.items())


def compatible(inventory: Inventory) -> list[str]:
    """Return the migrations that the inventory calls harmless to an older Helicone."""
    return next(iter(inventory.hosts.values())).variables.migrations.compatible


def undo_of(inventory: Inventory, files: Mapping[str, Sequence[str]]) -> str:
    """Return what becomes of a failed upgrade with these migrations, by store.

    `restore`: the data of before is brought back. `harmless`: an older Helicone lives with all of them.
    `stays`: they stay, because the inventory wants no backup. Empty without any migration.
    """
    names = [name for one in files.values() for name in one]
    if not names:
        return ""
    if set(names) <= set(compatible(inventory)):
        return "harmless"
    return "restore" if next(iter(inventory.hosts.values())).variables.migrations.backup else "stays"


def refuse_unprotected(inventory: Inventory) -> None:
    """Raise ConfigurationError when a failed upgrade could not be undone by a restore, and nobody said so be it."""
    variables = next(iter(inventory.hosts.values())).variables
    external = [shown for store, shown in STORES.items() if getattr(variables, store).mode == "external"]
    own = "migrations.backup: false: what was applied then stays when the deploy fails"
    reason, next_step = "", ""
    if external:
        reason = f"{' and '.join(external)} is external and in no backup of this program"
        next_step = f"take a snapshot of your own first, and say so: {own}"
    elif not variables.backup.enabled:
        reason = "backup.enabled is false"
        next_step = f"backup.enabled: true, a deploy of what runs, then this one; or go without: {own}"
    elif set(inventory.selected) != set(inventory.hosts):
        reason = "--limit leaves hosts out whose jawn and web would have to stand still for the restore"
        next_step = _EVERY_HOST
    if reason:
        raise ConfigurationError(
            f"migrations are to run, and the data could not be brought back if they fail: {reason}",
            where="migrations", unaffected="every host: nothing was changed", next_step=next_step,
        )  # fmt: skip


def refuse_apart(running: Mapping[str, Mapping[str, Any] | None], wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ConfigurationError when jawn and web would become another Helicone than the schema was migrated for.

    Both are manifests by host. That can be where --limit leaves out the host that migrates: what its stores have is
    not known then. Whatever else differs (settings, images, secrets) may come to some hosts alone.
    """
    if any(manifest["migrations"] for manifest in wanted.values()):
        return
    for host, manifest in wanted.items():
        before = running.get(host)
        if before and _code(before) != _code(manifest) and any(one["role"] == "app" for one in manifest["services"]):
            raise ConfigurationError(
                f"this is Helicone {_code(manifest)[:12]} and {_code(before)[:12]} runs, and --limit leaves out the"
                " host that runs the migrations: the new one could meet the schema of the other",
                where=host, unaffected="every host: nothing was changed", next_step=_EVERY_HOST,
            )  # fmt: skip


def _code(manifest: Mapping[str, Any]) -> str:
    """Return the commit that the migrations of a manifest's Helicone are of."""
    return str((manifest.get("code") or {}).get("commit") or manifest["upstream"])  # old releases do not tell the code


def refuse_newer_schema(
    running: Mapping[str, Mapping[str, Any] | None], wanted: Mapping[str, Mapping[str, Any]], harmless: Sequence[str]
) -> None:
    """Raise ConfigurationError when a release would meet a database that newer migrations have changed.

    Both are manifests by host. There are no migrations that lead back, so an older Helicone is started
    against a newer schema only if the files between are called `harmless`.
    """
    for host, manifest in wanted.items():
        before, after = (running.get(host) or {}).get("migrations"), manifest["migrations"]
        if not before or not after:
            continue
        for store, shown in STORES.items():
            beyond = [n for n in newer(before[store]["files"], after[store]["files"]) if n not in harmless]
            if beyond:
                raise ConfigurationError(
                    f"{shown} has been migrated beyond this release, by {_some(beyond)}; no migration leads back",
                    where=host, unaffected="every host: nothing was changed",
                    next_step="stay, or bring back the data of that time as well. Should these files do an older"
                    f" Helicone no harm, say so: migrations.compatible: [{', '.join(beyond)}]",
                )  # fmt: skip


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
