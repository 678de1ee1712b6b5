"""Removing what nobody goes back to: old releases, and images that only they used.

An image is this environment's own when it was pulled for it; others of the host are never looked at. It stays while
any release of any environment on this host names it, or any container uses it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Collection, Iterator
from typing import Any

from . import engine
from .failure import StepFailed
from .store import Store, release_number

PULLED = "pulled"  # state/pulled.jsonl: what was not here before
_EVERYTHING = 1_000_000
_GONE = ".removed-"  # names with a dot are no releases


def note_pulled(store: Store, references: Collection[str]) -> None:
    """Write down that images were pulled for this environment."""
    for reference in references:
        store.append(PULLED, image=reference)


def old_releases(store: Store, keep: int, protected: Collection[str | None]) -> list[str]:
    """Return the releases that nothing goes back to, and that are neither among the `keep` newest nor protected."""
    known = store.release_ids()
    kept = {*known[-keep:], store.current(), store.settled(), *protected}
    return [release for release in known if release not in kept and release_number(release) >= 0]


def remove_releases(store: Store, keep: int, protected: Collection[str | None]) -> list[str]:
    """Remove the old releases and return them; each loses its name first, so that none is ever there in part."""
    gone = old_releases(store, keep, protected)
    for release in gone:
        (store.releases / release).rename(store.releases / f"{_GONE}{release}")
    for folder in store.releases.glob(f"{_GONE}*"):  # also of a removal that was cut off
        shutil.rmtree(folder)
    return gone


def unused_images(store: Store, gone: Collection[str]) -> list[dict[str, Any]]:
    """Return reference and size of this environment's images that nobody needs once the releases `gone` are."""
    own = {str(entry["image"]) for entry in store.lines(PULLED, last=_EVERYTHING)}
    for release in gone:
        with contextlib.suppress(StepFailed):
            own |= _images(store.manifest(release))
    return [{"image": name, "bytes": image["Size"]} for name, image in _free(store, own, gone)]


def remove_images(store: Store, references: Collection[str]) -> list[str]:
    """Remove those of the images that nobody needs, now, and return them; Docker itself refuses what it needs."""
    removed = []
    for reference, _ in _free(store, references, ()):
        arguments = ["docker", "rmi", engine.by_digest(reference)]
        done = subprocess.run(arguments, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        removed += [] if done.returncode else [reference]
    return removed


def _free(store: Store, references: Collection[str], gone: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield those of the images that are here, and that no release but those `gone` names and no container uses.

    None, when a release of any environment cannot be read: it might need any of them.
    """
    kept: set[str] = set()
    for folder in store.root.parent.glob("*/releases/[0-9]*"):
        if folder.parent != store.releases or folder.name not in gone:
            try:
                kept |= _images(json.loads((folder / "manifest.json").read_bytes()))
            except (OSError, ValueError, KeyError):
                return
    used = {container["ImageID"] for container in engine.ask("/containers/json?all=1")}
    for reference in sorted(set(references) - kept):
        image = engine.image(reference)
        if image and image["Id"] not in used:
            yield reference, image


def _images(manifest: dict[str, Any]) -> set[str]:
    return {str(service["image"]) for service in manifest["services"]}
