"""Making a set: the bundled stores, the secrets and a manifest, saved, read back, and only then called proven.

Nothing is stopped for it. ClickHouse is saved first, PostgreSQL second, objects last: whatever a recorded
request refers to, an organization, a key, a body, is in what is saved after it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import backup_log, clickhouse_copy, content, dump, engine, repository_key, restic, stores, upgrading, volumes
from .backup_settings import Settings, load, refused
from .failure import StepFailed, as_failure
from .redaction import hide
from .store import Store

FORMAT = 1
MANIFEST, LISTING, SECRETS = "manifest.json", "objects.jsonl", "secrets.yml.age"
Emit = Callable[..., None]


def take(store: Store, by: str, emit: Emit) -> dict[str, Any]:
    """Make a set and prove it; return `{set, bytes, added, seconds, removed, not_in_the_set}`.

    Whatever goes wrong is written down as a bad backup, here and, if it got that far, at the set in the
    repository. Raises StepFailed; the proven sets of before stay.
    """
    settings = load(store)
    started = time.time()
    identifier = name_of(started)
    work = store.state / "backup" / "work"
    saved = False
    try:
        if work.exists():
            shutil.rmtree(work)  # of a run that was cut off
        work.mkdir(parents=True)
        _remove_copies(settings, f"{'[0-9]' * 8}-{'[0-9]' * 6}")  # as large as ClickHouse's tables, each
        repository_key.open_for_a_set(store, settings)
        mounts = _collect(store, settings, identifier, work, emit)
        emit(event="step", text=f"save set {identifier}")
        summary = restic.save(settings, identifier, mounts)
        saved = True
        emit(event="step", text="read the set back")
        _prove(settings, summary["snapshot_id"], (work / MANIFEST).read_bytes())
        restic.mark(settings, settings.project, identifier, "proven")
        removed = restic.retain(settings, upgrading.set_of(store))
    except Exception as error:  # whatever it was, the set is no good
        failure = as_failure("backup", error)
        failure.message = hide(failure.message, [*settings.environment.values(), *settings.passwords.values()])
        if saved:
            _mark_bad(settings, identifier)
        backup_log.note(store, "backup", identifier, started, by, failure.message)
        raise failure from error
    finally:
        _clean_up(settings, identifier, work)
    backup_log.note(store, "backup", identifier, started, by)
    return {
        "set": identifier, "bytes": summary["total_bytes_processed"], "added": summary["data_added"],
        "seconds": round(time.time() - started, 1), "removed": removed,
        "not_in_the_set": sorted({"db", "clickhouse", "object-store"} - settings.services.keys()),
    }  # fmt: skip


def name_of(moment: float) -> str:
    """Return the id of a set that is begun at a moment: its UTC time, so that ids sort by age."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(moment))


def _collect(store: Store, settings: Settings, identifier: str, work: Path, emit: Emit) -> tuple[str, ...]:
    """Bring everything that belongs to the set together and write its manifest; return what restic has to mount."""
    manifest: dict[str, Any] = {
        "format": FORMAT, "set": identifier, "project": settings.project, "release": settings.release,
        "upstream": settings.upstream, "moments": {}, "postgres": None, "clickhouse": None, "objects": None,
        "migrations": {}, "files": {},
    }  # fmt: skip
    mounts = [f"{work}:{restic.INSIDE}:ro"]
    project, moments = settings.project, manifest["moments"]
    applied = stores.applied_migrations(project, settings.migrations, settings.passwords)
    manifest["migrations"] = {name: sorted(files) for name, files in applied.items()}
    if "clickhouse" in settings.services:
        emit(event="step", text="save ClickHouse")
        ask = _clickhouse(settings)
        before = content.clickhouse(ask)
        moments["clickhouse"] = time.time()
        clickhouse_copy.save(ask, identifier)
        manifest["clickhouse"] = content.settled(before, content.clickhouse(ask))
        folder = _folder(settings, "clickhouse") / clickhouse_copy.FOLDER / identifier
        (work / "clickhouse").mkdir()
        mounts.append(f"{folder}:{restic.INSIDE}/clickhouse:ro")
        manifest["files"]["clickhouse/.backup"] = content.file_hash(folder / ".backup")
    if "db" in settings.services:
        emit(event="step", text="save PostgreSQL")
        moments["postgres"] = time.time()
        words = (settings.postgres["user"], settings.postgres["database"], work / "postgres")
        manifest["postgres"] = dump.take(engine.container_of(project, "db")["Id"], *words)
    if "object-store" in settings.services:
        emit(event="step", text="list the objects")
        moments["objects"] = time.time()
        folder = _folder(settings, "object-store")
        listing = list(content.objects(folder))
        (work / LISTING).write_text("".join(json.dumps(one) + "\n" for one in listing))
        manifest["objects"] = {
            "count": len(listing), "bytes": sum(size for _, size in listing),
            "sampled": content.sampled(folder, listing),
        }  # fmt: skip
        (work / "objects").mkdir()
        mounts.append(f"{folder}:{restic.INSIDE}/objects:ro")
    shutil.copyfile(store.current_link / ".env", work / "env")
    if (store.state / SECRETS).is_file():
        shutil.copyfile(store.state / SECRETS, work / SECRETS)
    manifest["files"] |= {
        path.relative_to(work).as_posix(): content.file_hash(path) for path in work.rglob("*") if path.is_file()
    }
    (work / MANIFEST).write_text(json.dumps(manifest, sort_keys=True))
    return tuple(mounts)


def _prove(settings: Settings, snapshot: str, manifest: bytes) -> None:
    """Read the manifest back out of the repository, and let restic check that the repository is whole."""
    if restic.read(settings, snapshot, MANIFEST) != manifest:
        raise StepFailed("read back", "the manifest in the repository is not the one that was saved")
    listed = {entry["path"] for entry in _entries(settings, snapshot)}
    wanted = [f"{restic.INSIDE}/{name}" for name in json.loads(manifest)["files"]]
    missing = [name for name in wanted if name not in listed]
    if missing:
        raise StepFailed("read back", f"{len(missing)} files are not in the set, the first is {missing[0]}")
    restic.run(settings, "check", step="check")


def _entries(settings: Settings, snapshot: str) -> list[dict[str, Any]]:
    lines = restic.run(settings, "ls", "--json", snapshot, step="read back").splitlines()
    return [entry for entry in map(json.loads, lines) if "path" in entry]


def _mark_bad(settings: Settings, identifier: str) -> None:
    try:
        restic.mark(settings, settings.project, identifier, "bad")
    except StepFailed:
        return  # it was never marked proven, which says the same


def _clickhouse(settings: Settings) -> content.Ask:
    url = f"http://{engine.address(engine.container_of(settings.project, 'clickhouse'))}:8123"
    return clickhouse_copy.asking(url, settings.clickhouse["user"], settings.passwords["clickhouse"])


def _folder(settings: Settings, name: str) -> Path:
    found = volumes.folder(f"{settings.project}-{name}")
    if found is None:
        raise refused(f"there is no volume {settings.project}-{name}")
    return found


def _clean_up(settings: Settings, identifier: str, work: Path) -> None:
    """Remove what only the run needed."""
    shutil.rmtree(work, ignore_errors=True)
    _remove_copies(settings, identifier)


def _remove_copies(settings: Settings, pattern: str) -> None:
    """Remove what ClickHouse wrote for sets whose ids match."""
    folder = volumes.folder(f"{settings.project}-clickhouse") if "clickhouse" in settings.services else None
    if folder is not None:
        for copy in (folder / clickhouse_copy.FOLDER).glob(pattern):
            shutil.rmtree(copy, ignore_errors=True)
