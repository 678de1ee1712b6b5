"""What guards this host - firewall, sshd, updates - put into force without ever locking the operator out.

A change begins with a timer of its own that takes it back, and stays only if the controller says,
having opened a new connection meanwhile, that it still gets in. What was confirmed last is kept
under `state/guard/`: the timer goes back to it, and a boot loads it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import firewall, guard_boot
from .failure import StepFailed
from .hardening import Sshd, Updates
from .store import Store, flush_folder

Texts = dict[str, str]
PARTS: dict[str, Any] = {"guard/firewall.nft": firewall, "guard/sshd.conf": Sshd, "guard/updates.conf": Updates}


def apply(store: Store, project: str, release: str | None, seconds: float) -> dict[str, Any]:
    """Put the guards of a release into force, those of none for None; returns whether they need a `confirm`.

    What differs from what was confirmed last is taken back after `seconds` unless it is confirmed.
    Raises StepFailed when something is refused; then all is as it was confirmed last.
    """
    wanted = texts(store, release)
    with _locked(store):
        confirmed = _confirmed(store)
        _pending(store).unlink(missing_ok=True)  # an undo that is still due has nothing left to do
        if wanted == confirmed:
            _put(project, confirmed)
            return {"unconfirmed": False}
        guard_boot.install(store, project)
        token = os.urandom(16).hex()
        _write(_pending(store), json.dumps({"token": token, "wanted": wanted}))
        _undo_later(store, project, token, seconds)
        try:
            _put(project, wanted)
        except Exception:
            _pending(store).unlink()
            _put(project, confirmed)
            raise
        return {"unconfirmed": True}


def confirm(store: Store, project: str) -> dict[str, Any]:
    """Keep what `apply` put into force. Raises StepFailed when it was taken back before."""
    with _locked(store):
        if not _pending(store).is_file():
            raise StepFailed("guard", "the new rules were taken back before this machine had got in again")
        _keep(store, project, json.loads(_pending(store).read_bytes())["wanted"])
    return {}


def settle(store: Store, project: str) -> None:
    """Go back to the guards of the release that runs here, if those of one are in force that never came to run.

    They need no new connection: one got in when that release came. Does nothing where they are in force, or where
    there never were any. Raises StepFailed when something is refused.
    """
    if not guard_boot.folder(store).is_dir():
        return
    with _locked(store):
        wanted = texts(store, store.current())
        if _pending(store).is_file() or wanted != _confirmed(store):
            _put(project, wanted)
            _keep(store, project, wanted)


def clear(store: Store, project: str) -> None:
    """Take all guards away, with an environment that goes; more open is nobody locked out."""
    with _locked(store):
        _pending(store).unlink(missing_ok=True)
        _put(project, {})
        for name in PARTS:
            _kept(store, name).unlink(missing_ok=True)
        guard_boot.remove(project)


def look(store: Store, project: str) -> dict[str, Any]:
    """Return the sha256 of each guard that is confirmed and in force, and whether an undo is due.

    One that is not as it was confirmed is `altered`.
    """
    confirmed = _confirmed(store)
    files = {}
    for name, part in PARTS.items():
        text = confirmed.get(name)
        if not part.in_force(project, text):
            files[name] = "altered"
        elif text is not None:
            files[name] = hashlib.sha256(text.encode()).hexdigest()
    return {"files": files, "pending": _pending(store).is_file()}


def texts(store: Store, release: str | None) -> Texts:
    """Return the guards of a release by path; none for None."""
    if release is None:
        return {}
    held = store.manifest(release)["files"]
    return {name: (store.releases / release / name).read_text() for name in PARTS if name in held}


def _keep(store: Store, project: str, wanted: Texts) -> None:
    """Let a boot load these guards, and every undo go back to them."""
    for name in PARTS:
        file = _kept(store, name)
        if name in wanted:
            _write(file, wanted[name])
        else:
            file.unlink(missing_ok=True)
    _pending(store).unlink(missing_ok=True)
    if not wanted:
        guard_boot.remove(project)


def _put(project: str, wanted: Texts) -> None:
    for name, part in PARTS.items():
        part.put(project, wanted.get(name))


def _confirmed(store: Store) -> Texts:
    return {name: _kept(store, name).read_text() for name in PARTS if _kept(store, name).is_file()}


def _kept(store: Store, name: str) -> Path:
    return guard_boot.folder(store) / Path(name).name


def _pending(store: Store) -> Path:
    return guard_boot.folder(store) / guard_boot.PENDING


def _write(file: Path, text: str) -> None:
    fresh = file.with_name(f".{file.name}.new")
    with fresh.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    flush_folder(file.parent)


@contextlib.contextmanager
def _locked(store: Store) -> Iterator[None]:
    """Hold the lock that a change, its confirmation and its undo exclude each other with."""
    store.create()
    guard_boot.folder(store).mkdir(mode=0o700, exist_ok=True)
    with (store.state / "guard.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _undo_later(store: Store, project: str, token: str, seconds: float) -> None:
    """Leave a process behind that outlives every connection and, after `seconds`, takes back what is not confirmed."""
    process = os.fork()
    if process:
        os.waitpid(process, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            os.closerange(3, 4096)  # sshd keeps a session open as long as anybody holds its ends; the lock, too, goes
            time.sleep(seconds)
            _undo(store, project, token)
    finally:
        os._exit(0)


def _undo(store: Store, project: str, token: str) -> None:
    """Go back to what was confirmed, unless the change that `token` names was confirmed or replaced by another."""
    with _locked(store):
        try:
            pending = json.loads(_pending(store).read_bytes())
        except (OSError, ValueError):
            return
        if pending["token"] == token:
            _put(project, _confirmed(store))
            _pending(store).unlink()
            with contextlib.suppress(OSError):
                store.append("journal", step="guard undone", reason="no new connection confirmed it")
