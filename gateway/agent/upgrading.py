"""An upgrade under way, noted on the data host: who comes after a controller that is gone finds the set in it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from . import engine
from .failure import StepFailed
from .later import later
from .store import Store, write_private

if TYPE_CHECKING:
    from . import stores, switch
else:
    stores, switch = later("stores switch")

FILE = "upgrade.json"
_USAGE = 2  # how the recorder ends for a word that it does not know
WORDS = ("keep", "again", "let-go")


def begin(store: Store, entry: dict[str, Any]) -> None:
    """Write down what an upgrade may be undone with, before it touches anything.

    `entry` has the `set` with the data of before (empty as long as there is none) and when it was `made`,
    the `release` that goes with it, `missing`, the migrations by store that the ledgers lacked, and
    `migrations`, as the wanted release's manifest has it.
    """
    write_private(store.state / FILE, json.dumps(entry).encode())


def end(store: Store) -> None:
    """Say that the upgrade is over, whichever way."""
    (store.state / FILE).unlink(missing_ok=True)


def set_of(store: Store) -> str:
    """Return the set that the upgrade under way is undone with, empty when there is none."""
    return str(_note(store).get("set", ""))


def began_on(store: Store) -> str | None:
    """Return the release that an upgrade under way began on, and goes back to; None when this host is in none.

    It is in one while that release runs here, and when it was cut off on the way from there or back. The controller
    judges alike (`observed.upgrade_under_way`).
    """
    release: str | None = _note(store).get("release")
    cut_off = store.unfinished() or {}
    return release if release in (store.current(), cut_off.get("release"), cut_off.get("previous")) else None


def go_back(store: Store) -> None:
    """Let an upgrade whose switch was cut off be undone as far as this host's release goes: its stores follow.

    `current` may name the newer release, whose services must not be started on the data of before.
    """
    release = began_on(store)
    if release is not None and store.unfinished() is not None:
        store.point_to(release)
        store.append("journal", step="undone", release=release, cause="the data of before the upgrade is restored")


def look(store: Store, project: str) -> dict[str, Any] | None:
    """Return what `begin` wrote, with the names that were `applied` since; None when no upgrade is under way.

    When the ledgers cannot be asked, all of them count as applied: nobody knows better. None was as long as
    there is no set, since no migration begins before.
    """
    entry = _note(store)
    if not entry:
        return None
    before = [name for names in entry["missing"].values() for name in names] if entry["set"] else []
    try:
        now = [name for names in missing(store, project, entry["migrations"], {}).values() for name in names]
    except (StepFailed, KeyError, OSError):  # OSError: there is no Docker to ask with
        now = []
    return {**{key: entry[key] for key in ("set", "made", "release", "missing")}, "applied": sorted({*before} - {*now})}


def _note(store: Store) -> dict[str, Any]:
    """Return what `begin` wrote, empty when no upgrade is under way."""
    try:
        entry: dict[str, Any] = json.loads((store.state / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return entry


def missing(store: Store, project: str, migrations: dict[str, Any], given: dict[str, str]) -> dict[str, list[str]]:
    """Return which migrations the ledgers lack, asked with the passwords that the stores have now.

    A bundled store has those of the release that runs here: the controller's may be new ones that this
    deploy brings. An external store's are `given`. Raises StepFailed.
    """
    release = store.current()
    running = switch.passwords_of(store.settings(release), given) if release else given
    passwords = {
        name: (given if migrations[name]["mode"] == "external" and name in given else running)[name]
        for name in ("postgres", "clickhouse")
    }
    return stores.missing_migrations(project, migrations, passwords)


def tell_recorder(project: str, word: str) -> dict[str, Any]:
    """Tell this host's recorder what becomes of the records that Helicone has (`recorder/kept.py`); return its answer.

    Nothing for a host that records nothing. Raises StepFailed when the recorder that runs does not understand.
    """
    if word not in WORDS:
        raise StepFailed("recorder", f"unknown word {word!r}")
    found = [one for one in engine.containers(project) if engine.service_of(one) == "recorder"]
    if not found:
        return {}
    done = subprocess.run(
        ["docker", "exec", found[0]["Id"], "python3", "-B", "-m", "recorder", word],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode == _USAGE:
        message = "the recorder that runs is too old to keep what it delivers: deploy the version that runs first"
        raise StepFailed("recorder", message, kind="configuration")
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise StepFailed("recorder", f"the recorder does not do `{word}`: {said[-300:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
