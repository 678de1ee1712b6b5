"""Restoring a set into the live stores of this host: the old data is put aside by renames until the new is proven.

Whatever goes wrong, the old data is put back and its stores are started again. A restore that was cut
off (a power cut) is undone by the next one, which finds what was put aside.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import (
    aside,
    backup_log,
    clickhouse_copy,
    compose,
    content,
    drill,
    dump,
    engine,
    gateway_users,
    health,
    logins,
    restic,
    stores,
    switch,
    upgrading,
    volumes,
)
from .backup import MANIFEST
from .backup_settings import Settings, load, refused
from .failure import StepFailed, as_failure
from .store import Store

PARTS = {"db": "postgres", "clickhouse": "clickhouse", "object-store": "objects"}  # each store's part of a manifest
_NAME = "restore"
_STOP_SECONDS = "60"
Emit = Callable[..., None]


def look(store: Store, wanted: str | None, elsewhere: dict[str, Any] | None) -> dict[str, Any]:
    """Return a set with its manifest, the newest proven one without `wanted`; changes nothing.

    Raises StepFailed of kind `configuration` for a set that cannot go into the release that runs here, or to which
    an upgrade under way goes back.
    """
    settings = load(store, elsewhere, upgrading.began_on(store))
    restic.open_repository(settings, create=False)
    chosen = restic.choose(settings, wanted)
    manifest = json.loads(restic.read(settings, chosen["snapshot"], MANIFEST))
    refuse_other(settings, manifest)
    return {**chosen, "manifest": manifest}


def refuse_other(settings: Settings, manifest: dict[str, Any]) -> None:
    """Raise StepFailed when a set has other stores than run here, or its schema is not that of the release.

    An old set on a newer release would serve half a schema, a new one under an older release has never
    been tried by anybody: restore into the release of the set, and upgrade from there. Files that the
    release does not name count only where the set is of another version: an image may hold more.
    """
    stores_of_set = sorted(service for service, part in PARTS.items() if manifest[part] is not None)
    if stores_of_set != sorted(settings.services):
        here = ", ".join(sorted(settings.services))
        raise refused(f"the set holds {', '.join(stores_of_set)}, and on this host run {here}")
    allowed = set(settings.migrations["allowed_absent"])
    for name in ("postgres", "clickhouse"):
        release, held = set(settings.migrations[name]["files"]) - allowed, set(manifest["migrations"][name]) - allowed
        more = set() if manifest["upstream"] == settings.upstream else held - release
        for which, files in (("release here is newer than the set", release - held),
                             ("set is newer than the release here", more)):  # fmt: skip
            if files:
                raise refused(
                    f"the {which}: {len(files)} migrations of {name} differ, the first is {min(files)}; deploy the"
                    f" version that the set was made under (upstream.ref {manifest['upstream']} and its images),"
                    " restore, then upgrade"
                )


def restore(store: Store, request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Put the set `request["set"]` in the place of what the stores hold, compared before it is called done.

    Jawn and web must be stopped. Returns `{set, seconds}`. Raises StepFailed: of kind `failed` when the
    old data is back and its stores are well, of kind `doubt` when they are not.
    """
    settings = load(store, request["elsewhere"], upgrading.began_on(store))
    started = time.time()
    staging = f"{settings.project}-{_NAME}"
    touched = False
    try:
        if _put_back(store, settings):
            emit(event="step", text="an earlier restore was cut off: the old data is back, start it")
            _start(store, settings, emit)
        restic.open_repository(settings, create=False)
        chosen = restic.choose(settings, request["set"])
        emit(event="step", text=f"fetch set {chosen['id']}")
        volumes.remove(staging)
        folder = restic.restore(settings, chosen["snapshot"], volumes.make(staging))
        manifest = drill.read_manifest(folder, chosen["id"])
        refuse_other(settings, manifest)
        emit(event="step", text=f"stop {', '.join(settings.services)} and put their data aside")
        upgrading.go_back(store)
        touched = True
        _put_aside(store, settings)
        _fill(store, settings, folder)
        _start(store, settings, emit)
        emit(event="step", text="load the set and compare it with its manifest")
        problems = _load(settings, folder, manifest)
        content.complain("compare", chosen["id"], problems)
        _set_up_users(store, settings, request["secrets"])
        timeout = store.manifest(settings.release)["settings"]["health_timeout"]
        health.wait_until_healthy(settings.project, list(settings.services), timeout, str)
    except Exception as error:  # whatever it was, the old data comes back
        failure = as_failure("restore", error)
        if touched:
            _undo(store, settings, failure, emit)
        backup_log.note(store, "restore", str(request["set"]), started, request["by"], failure.message)
        raise failure from error
    finally:
        volumes.remove(staging)
    _give_up(store, settings)
    backup_log.note(store, "restore", chosen["id"], started, request["by"])
    return {"set": chosen["id"], "seconds": round(time.time() - started, 1)}


def _aside(settings: Settings, service: str) -> str:
    return f"{settings.project}-{aside.VOLUMES[service]}-{aside.BEFORE_RESTORE}"


def _volume(settings: Settings, service: str) -> str:
    return f"{settings.project}-{aside.VOLUMES[service]}"


def _stop(settings: Settings) -> None:
    """Stop the stores in their own time, and remove their containers; volumes stay."""
    found = [c for c in engine.all_containers(settings.project) if engine.service_of(c) in settings.services]
    engine.stop([container["Id"] for container in found], _STOP_SECONDS)
    engine.remove(container["Id"] for container in found)


def _put_aside(store: Store, settings: Settings) -> None:
    """Stop the stores and move what their volumes hold into volumes beside them."""
    _stop(settings)
    for service in settings.services:
        aside.clear(volumes.make(_aside(settings, service)))
    aside.begin(store)
    for service in settings.services:
        aside.put(volumes.folder(_volume(settings, service)), volumes.make(_aside(settings, service)))


def _put_back(store: Store, settings: Settings) -> bool:
    """Put back what was put aside, by this restore or by one that was cut off; return whether there was anything.

    Of a restore that was cut off when its set was final already the old data goes.
    """
    if not aside.are_wanted_back([volumes.folder(_aside(settings, service)) for service in settings.services]):
        _give_up(store, settings)
        return False
    kept = [s for s in settings.services if aside.is_pending(volumes.folder(_aside(settings, s)))]
    _stop(settings)
    for service in kept:
        aside.put_back(volumes.make(_volume(settings, service)), volumes.make(_aside(settings, service)))
    _forget(store, settings)
    return True


def _give_up(store: Store, settings: Settings) -> None:
    """Say of all the old data that nobody wants it back, then remove it."""
    for folder in (volumes.folder(_aside(settings, service)) for service in settings.services):
        if folder is not None:
            aside.give_up(folder)
    _forget(store, settings)


def _forget(store: Store, settings: Settings) -> None:
    aside.end(store)
    for service in settings.services:
        volumes.remove(_aside(settings, service))


def _fill(store: Store, settings: Settings, folder: Path) -> None:
    """Move the set's objects and ClickHouse's backup into the volumes, which Compose makes if they are gone."""
    redact = compose.redaction(store, settings.release)
    names = list(settings.services)
    arguments = compose.command(store, settings.project, "create", "--no-build", "--pull", "never", *names)
    compose.run(arguments, "make the stores", redact, lambda _: None)
    for service, part, inner in (("clickhouse", "clickhouse", f"{clickhouse_copy.FOLDER}/{_NAME}"),
                                 ("object-store", "objects", "")):  # fmt: skip
        if service in settings.services:
            live = volumes.make(_volume(settings, service))
            target = live / inner
            target.mkdir(parents=True, exist_ok=True)
            volumes.empty(target)
            volumes.move_content(folder / part, target)


def _start(store: Store, settings: Settings, emit: Emit) -> None:
    redact = compose.redaction(store, settings.release)
    timeout = store.manifest(settings.release)["settings"]["health_timeout"]
    services = list(settings.services)
    compose.up(store, settings.project, services, redact)
    health.wait_until_ready(settings.project, services, timeout, redact, emit)


def _load(settings: Settings, folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Load the dump and ClickHouse's backup into the fresh stores; return what is not as the manifest says."""
    problems: list[str] = []
    if "db" in settings.services:
        container = engine.container_of(settings.project, "db")["Id"]
        user, database = settings.postgres["user"], settings.postgres["database"]
        dump.load(container, user, database, folder / "postgres")
        found = content.postgres(lambda sql: dump.sql(container, user, database, sql))
        problems += content.postgres_differences(manifest["postgres"], found)
    if "clickhouse" in settings.services:
        address = engine.address(engine.container_of(settings.project, "clickhouse"))
        words = (settings.clickhouse["user"], settings.passwords["clickhouse"])
        ask = clickhouse_copy.asking(f"http://{address}:8123", *words)
        clickhouse_copy.load(ask, _NAME)
        problems += content.clickhouse_differences(manifest["clickhouse"], content.clickhouse(ask))
        clickhouse_copy.resume_merges(ask)
        inside = volumes.make(_volume(settings, "clickhouse")) / clickhouse_copy.FOLDER / _NAME
        volumes.empty(inside)
        inside.rmdir()
    if "object-store" in settings.services:
        live = volumes.make(_volume(settings, "object-store"))
        problems += content.object_differences(live, drill.listed_objects(folder), manifest["objects"]["sampled"])
    return problems


def _set_up_users(store: Store, settings: Settings, secrets: dict[str, str]) -> None:
    """Let in whom the release here names, as every switch does, and whom the set's day had let in no more."""
    values = store.settings(settings.release)
    passwords = switch.passwords_of(values, secrets)
    if "db" in settings.services:
        logins.accept(settings.project, values)
    stores.set_hql_password(settings.project, settings.clickhouse, passwords)
    login = values.get("GATEWAY_STORES_LOGIN", gateway_users.GROUP)
    gateway_users.accept(settings.project, settings.migrations, passwords, login)
    switch.forget_logins(store, settings.project)


def _undo(store: Store, settings: Settings, failure: StepFailed, emit: Emit) -> None:
    """Put the old data back and start its stores; sets the failure's kind to how that ended."""
    emit(event="progress", text=f"failed: {failure.message}; putting the old data back")
    try:
        _put_back(store, settings)
        _start(store, settings, emit)
        failure.kind = "failed"
    except Exception as error:  # noqa: BLE001 - whatever it was, the stores are in doubt now
        second = as_failure("undo", error)
        failure.message += f"; putting the old data back failed too: {second.message}"
        failure.kind = "doubt"
