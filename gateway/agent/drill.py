"""A drill: the newest set is restored beside the live stores and compared with its manifest."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import backup_log, content, restic, scratch, volumes
from .backup import LISTING, MANIFEST
from .backup_settings import Settings, load
from .failure import StepFailed, as_failure
from .store import Store

Emit = Callable[..., None]
# What restic says when what it reads is not what it wrote, and not when a disk is full or a network is down. A cut file
# is `too short` to it, whatever the place; an `unexpected EOF` is an answer that broke off.
_DAMAGED = re.compile(
    r"ciphertext|hash (mismatch|does not match)|damaged|file( is |-)too[ -]short|invalid data|not found in (the )?index"
)


def drill(store: Store, wanted: str | None, by: str, emit: Emit) -> dict[str, Any]:
    """Restore a set into scratch containers and compare it; return `{set, time, tables, rows, objects, seconds}`.

    `wanted` is a set's id, the newest proven one without. A set that does not hold what its manifest
    says is marked bad; one that the host fails to fetch, load or read keeps its state. Raises StepFailed, of
    kind `content` for a bad set.
    """
    settings = load(store)
    started = time.time()
    volume = f"{settings.project}-drill"
    identifier, project = wanted or "", settings.project
    try:
        restic.open_repository(settings, create=False)
        chosen = restic.choose(settings, wanted)
        identifier, project = chosen["id"], chosen["project"]
        scratch.clear(settings)
        volumes.remove(volume)
        emit(event="step", text=f"fetch set {identifier}")
        folder = restic.restore(settings, chosen["snapshot"], volumes.make(volume))
        found = _compare(store, settings, identifier, folder, emit)
    except Exception as error:  # every cause is written down
        failure = as_failure("drill", error)
        if failure.kind == "content" or (failure.step == "fetch" and _DAMAGED.search(failure.message)):
            restic.mark(settings, project, identifier, "bad")
            backup_log.note(store, "backup", identifier, started, by, f"a drill found it bad: {failure.message}")
            failure.kind = "content"
        backup_log.note(store, "drill", identifier, started, by, failure.message)
        raise failure from error
    finally:
        volumes.remove(volume)
    backup_log.note(store, "drill", identifier, started, by)
    return {"set": identifier, "time": chosen["time"], **found, "seconds": round(time.time() - started, 1)}


def read_manifest(folder: Path, identifier: str) -> dict[str, Any]:
    """Return a fetched set's manifest after comparing every file that it names. Raises StepFailed, OSError."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise StepFailed("manifest", f"set {identifier} has no readable manifest: {error}", kind="content") from None
    content.complain("files", identifier, content.file_differences(folder, manifest["files"]))
    return manifest


def listed_objects(folder: Path) -> list[list[Any]]:
    """Return path and size of every object that a fetched set lists."""
    return [json.loads(line) for line in (folder / LISTING).read_text().splitlines()]


def _compare(store: Store, settings: Settings, identifier: str, folder: Path, emit: Emit) -> dict[str, Any]:
    manifest = read_manifest(folder, identifier)
    problems: list[str] = []
    tables = rows = 0
    if manifest["postgres"] is not None:
        emit(event="step", text="restore PostgreSQL into a scratch container and compare")
        with scratch.postgres(settings, folder / "postgres") as ask:
            found = content.postgres(ask)
        problems += content.postgres_differences(manifest["postgres"], found)
        tables, rows = tables + len(found), rows + sum(count for count, _ in found.values())
    if manifest["clickhouse"] is not None:
        emit(event="step", text="restore ClickHouse into a scratch container and compare")
        with scratch.clickhouse(store, settings, folder / "clickhouse") as ask:
            held = content.clickhouse(ask)
        problems += content.clickhouse_differences(manifest["clickhouse"], held)
        tables, rows = tables + len(held), rows + sum(n for table in held.values() for n, _ in table.values())
    if manifest["objects"] is not None:
        emit(event="step", text="compare the objects")
        listing = listed_objects(folder)
        problems += content.object_differences(folder / "objects", listing, manifest["objects"]["sampled"])
    content.complain("compare", identifier, problems)
    return {"tables": tables, "rows": rows, "objects": (manifest["objects"] or {}).get("count", 0)}
