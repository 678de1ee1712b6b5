"""Bringing a release onto the host and its images with it; nothing that runs is touched."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import engine
from .failure import StepFailed
from .store import Store, flush_folder


def stage(store: Store, release: str, archive: bytes, digest: str | None = None) -> dict[str, Any]:
    """Unpack a release beside the others, check every file against the manifest, then give it its name.

    `digest` is the archive's sha256 as its sender knows it: the manifest itself stands in no manifest.
    Leftovers of earlier attempts are removed first. Raises StepFailed when the archive is broken, a
    checksum differs or the disk is full; the folder then does not exist.
    """
    if digest not in (None, hashlib.sha256(archive).hexdigest()):
        raise StepFailed("stage", "the release was damaged on its way: its checksum differs from what was sent")
    store.create()
    for leftover in store.releases.glob(".incoming-*"):
        shutil.rmtree(leftover)
    incoming = store.releases / f".incoming-{release}"
    try:
        incoming.mkdir(mode=0o700)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                target = incoming / member.name
                if not member.isfile() or ".." in target.parts or member.name.startswith("/"):
                    raise StepFailed("stage", f"the release archive has an unexpected entry {member.name!r}")
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                content = tar.extractfile(member)
                assert content is not None  # noqa: S101 - a regular file always has content
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode), "wb") as file:
                    file.write(content.read())
                    file.flush()
                    os.fsync(file.fileno())
                target.chmod(member.mode)
        store.seal(incoming.name)
        for folder, _, _ in os.walk(incoming):
            Path(folder).chmod(0o755)
            flush_folder(incoming / folder)
        wrong = store.check(incoming.name)
        if wrong:
            raise StepFailed("stage", f"the checksum of {', '.join(wrong)} differs from the manifest")
        incoming.replace(store.releases / release)
        flush_folder(store.releases)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise StepFailed("stage", f"the release could not be written: {error}") from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return {"release": release}


def pull(references: list[str], emit: Callable[..., None]) -> dict[str, Any]:
    """Pull the images that are not here under their digest; a registry that is down hurts only then."""
    pulled = []
    for reference in references:
        if engine.has_image(reference):
            continue
        name = reference.partition("@")[0]
        emit(event="progress", text=f"pull {name}")
        _pull(reference, name, emit)
        pulled.append(name)
    return {"pulled": pulled}


def _pull(reference: str, name: str, emit: Callable[..., None]) -> None:
    process = subprocess.Popen(
        ["docker", "pull", reference],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    layers: set[str] = set()
    finished: set[str] = set()
    last: list[str] = []
    assert process.stdout is not None  # noqa: S101 - stdout=PIPE gives one
    for raw in process.stdout:
        line = raw.decode(errors="replace").rstrip()
        last = [*last[-9:], line]
        layer, _, state = line.partition(": ")
        if state in ("Pulling fs layer", "Already exists"):
            layers.add(layer)
        if state in ("Pull complete", "Already exists"):
            finished.add(layer)
            emit(event="progress", text=f"pull {name}: {len(finished)} of {len(layers)} layers")
    if process.wait():
        raise StepFailed("pull", f"{name} could not be pulled: {last[-1] if last else 'no output'}", logs=last)


def resolve(references: list[str]) -> dict[str, str]:
    """Return the registry's manifest digest of each `name:tag`, asked through this host's engine."""
    digests = {}
    for reference in references:
        answer = engine.ask(f"/distribution/{reference}/json")
        if answer is None:
            raise StepFailed("resolve", f"the registry does not know {reference}", kind="configuration")
        digests[reference] = str(answer["Descriptor"]["digest"])
    return digests
