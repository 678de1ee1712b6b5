"""The right to change this host: a lease that ends with its holders, by the host's own clock.

It names processes of this host, so a killed controller frees it as soon as its connection ends, and
a stalled one when its heartbeats stop; a worker that goes on alone keeps it until it is done.
Environments on one host share its ports, packages and firewall: while one holds its lease no other gets one.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .failure import StepFailed
from .store import Store

# What every lease says; a file without it is another program's.
_KEYS = frozenset(["owner", "command", "since", "taken", "boot", "length", "expires", "session"])


def uptime() -> float:
    """Return seconds since boot, suspended time included; no clock setting moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Return the kernel's name for this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def process_start(process: int) -> str:
    """Return when a process started (field 22 of proc(5) stat), or an empty text when there is none."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


@contextmanager
def _locked(store: Store) -> Iterator[Path]:
    """Hold the short file lock, one for all environments, around reading and writing the lease."""
    store.create()
    with (store.root.parent / ".lease.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield store.state / "lease.json"


def _neighbours(store: Store) -> list[Store]:
    """Return the other environments that have a lease on this host."""
    found = store.root.parent.glob("*/state/lease.json")
    return [Store(str(path.parents[1])) for path in found if path.parents[1] != store.root]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        loaded: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return loaded if isinstance(loaded, dict) and loaded.keys() >= _KEYS else None


def _write(path: Path, lease: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(lease))
    fresh.replace(path)


def _alive(holder: dict[str, Any]) -> bool:
    return bool(holder["start"]) and process_start(holder["process"]) == holder["start"]


def _is_ours(lease: dict[str, Any]) -> bool:
    return bool(lease["boot"] == boot_id() and lease["session"]["process"] == os.getpid() and _alive(lease["session"]))


def _own(path: Path) -> dict[str, Any] | None:
    """Return the lease if it is this process's."""
    lease = _read(path)
    return lease if lease is not None and _is_ours(lease) else None


def _has_worker(lease: dict[str, Any]) -> bool:
    return bool(lease.get("worker") and _alive(lease["worker"]))


def is_held(lease: dict[str, Any] | None) -> bool:
    """Return whether a lease still binds: a worker lives, or its connection lives and has not gone silent."""
    if lease is None or lease["boot"] != boot_id():
        return False
    return _has_worker(lease) or (_alive(lease["session"]) and lease["expires"] > uptime())


def show(store: Store) -> dict[str, Any] | None:
    """Return who holds the host and since when, or None."""
    lease = _read(store.state / "lease.json")
    if not is_held(lease) or lease is None:
        return None
    return {
        "owner": lease["owner"],
        "command": lease["command"],
        "since": lease["since"],
        "seconds": round(uptime() - lease["taken"]),
        "working": _has_worker(lease),
        "orphaned": lease.get("lost", False) or not _alive(lease["session"]),
    }


def _holder(store: Store) -> dict[str, Any] | None:
    """Return who holds the host, what `doing`, and for which other `environment` (empty: for this one); or None."""
    for one in (store, *_neighbours(store)):
        holder = show(one)
        if holder:
            other = "" if one is store else one.root.name
            doing = f"{holder['owner']} is running `{holder['command']}`{other and f' for {other}'}"
            return {**holder, "environment": other, "doing": doing}
    return None


def take(store: Store, owner: str, command: str, seconds: int) -> None:
    """Take the lease for this process, or raise StepFailed that says whose it is.

    Its kind is `locked`, or `orphaned` where the host only finishes what a controller began that is gone by now.
    """
    with _locked(store) as path:
        holder = _holder(store)
        if holder:
            message = f"{holder['doing']} on this host since {holder['since']} ({holder['seconds']} s)"
            kind = "orphaned" if holder["orphaned"] else "locked"
            raise StepFailed("lease", message, kind=kind, environment=holder["environment"])
        for one in _neighbours(store):  # a stalled command must not find its own again when it comes to life
            if _read(one.state / "lease.json"):
                (one.state / "lease.json").unlink(missing_ok=True)
        _write(path, {
            "owner": owner,
            "command": command,
            "since": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
            "taken": uptime(),
            "boot": boot_id(),
            "length": seconds,
            "expires": uptime() + seconds,
            "session": {"process": os.getpid(), "start": process_start(os.getpid())},
        })  # fmt: skip


def renew(store: Store, worker: int | None = None, lost: bool = False) -> None:
    """Push the expiry out; with `worker`, let that process hold the lease too; `lost`: nobody listens any more.

    Does nothing when the lease is not this process's.
    """
    if not store.state.is_dir():
        return
    with _locked(store) as path:
        lease = _own(path)
        if lease is None:
            return
        lease["expires"] = uptime() + lease["length"]
        lease["lost"] = lost
        if worker:
            lease["worker"] = {"process": worker, "start": process_start(worker)}
        _write(path, lease)


def require(store: Store) -> None:
    """Renew the lease before a change, or raise StepFailed of kind `locked` when it is not this process's any more.

    A stalled connection that comes to life again may find that its lease ran out and somebody else took it.
    """
    renew(store)
    if _own(store.state / "lease.json") is None:
        holder = _holder(store)
        now = f"{holder['doing']} there now" if holder else "nobody holds it now"
        raise StepFailed("lease", f"this command does not hold the host's lease; {now}", kind="locked")


def release(store: Store) -> None:
    """Give the lease back if this process took it and no worker still runs under it."""
    if not store.state.is_dir():
        return
    with _locked(store) as path:
        lease = _own(path)
        if lease is not None and not _has_worker(lease):
            path.unlink()


def is_ours_alone(store: Store) -> bool:
    """Return whether this process holds the lease and nobody works under it, so that it may put things right."""
    if not store.state.is_dir():
        return False
    with _locked(store) as path:
        lease = _own(path)
        return lease is not None and not _has_worker(lease)


def break_lease(store: Store) -> dict[str, Any] | None:
    """Drop a lease whose connection is stalled and return whose it was; a working host is never unlocked."""
    with _locked(store) as path:
        holder = show(store)
        if holder and holder["working"]:
            raise StepFailed(
                "unlock",
                f"{holder['owner']}'s `{holder['command']}` is still changing this host",
                kind="locked",
            )
        path.unlink(missing_ok=True)
        return holder
