"""The agent's conversation with the controller: one request after the other over one exec."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import backup_verbs, lease, release_verbs, store_verbs
from .channel import Channel, Emit, run_detached
from .failure import StepFailed, as_failure
from .hello import HELLO
from .later import later
from .store import Store

if TYPE_CHECKING:
    from . import commands, docker_setup, examine, guard, logs, resident, snapshot, support
else:
    commands, docker_setup, examine, guard, logs, resident, snapshot, support = later(
        "commands docker_setup examine guard logs resident snapshot support"
    )

SILENT_LEASES = 2  # how often a lease may run out before its silent connection counts as gone
Request = dict[str, Any]
Result = dict[str, Any]


class Session(release_verbs.ReleaseVerbs, backup_verbs.BackupVerbs, store_verbs.StoreVerbs):
    """One connection's state: the channel and the environment's folder."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.store = Store("/nonexistent")
        self.renewed = 0.0
        self.guarded: Request | None = None  # the last request that put guards into force

    def open(self, request: Request, payload: bytes) -> Result:
        """Name the environment of this conversation; changes nothing."""
        self.store = Store(request["root"])
        return {}

    def snapshot(self, request: Request, payload: bytes) -> Result:
        """See `snapshot.take`."""
        return snapshot.take(self.store, request["project"], request["registries"], request["images"])

    def examine(self, request: Request, payload: bytes) -> Result:
        """See `examine.examine`."""
        return examine.examine(request["places"], request["files"])

    def support(self, request: Request, payload: bytes) -> Result:
        """See `support.collect`."""
        return support.collect(self.store, request["project"])

    def lease(self, request: Request, payload: bytes) -> Result:
        """Take the lease of this host for the rest of the conversation."""
        lease.take(self.store, request["owner"], request["command"], request["seconds"])
        self.channel.patience = SILENT_LEASES * request["seconds"]
        return {}

    def unlock(self, request: Request, payload: bytes) -> Result:
        """Break a stalled lease; returns whose it was."""
        return {"holder": lease.break_lease(self.store)}

    def prepare(self, request: Request, payload: bytes) -> Result:
        """See `docker_setup.prepare`."""
        return self.detached(lambda emit: docker_setup.prepare(request, payload, emit))

    def guard(self, request: Request, payload: bytes) -> Result:
        """See `guard.apply`."""
        self.guarded = request
        return guard.apply(self.store, request["project"], request["release"], request["seconds"])

    def confirm(self, request: Request, payload: bytes) -> Result:
        """See `guard.confirm`."""
        return guard.confirm(self.store, request["project"])

    def run(self, request: Request, payload: bytes) -> Result:
        """See `commands.run`."""
        return commands.run(request["command"])

    def run_all(self, request: Request, payload: bytes) -> Result:
        """See `commands.run_all`."""
        return {"results": commands.run_all(request["commands"])}

    def logs(self, request: Request, payload: bytes) -> Result:
        """See `logs.show`."""
        return logs.show(self.channel, request["project"], request)

    def execute(self, request: Request, payload: bytes) -> Result:
        """See `logs.execute`."""
        return logs.execute(self.channel, request["project"], request["service"], request["words"])

    def detached(self, work: Callable[[Emit], Result]) -> Result:
        """Run work that outlives the connection; raises the StepFailed that it ended with."""
        outcome = run_detached(
            self.channel,
            work,
            lambda process: lease.renew(self.store, process),
            self.heard,
        )
        if not outcome["done"]:
            error = outcome["error"]
            raise StepFailed(
                error["step"], error["message"], kind=error.get("kind", "failed"), logs=error.get("logs", [])
            )
        result: Result = outcome["result"]
        return result

    def leave(self) -> None:
        """Leave the host as it runs: without the guards of a release that it was not switched to any more.

        A worker that is still at it sees to that itself.
        """
        wanted = self.guarded
        if wanted and wanted["release"] != self.store.current() and lease.is_ours_alone(self.store):
            with contextlib.suppress(StepFailed, OSError):  # `status` tells, and the next deploy puts it right
                guard.settle(self.store, wanted["project"])
        lease.release(self.store)

    def heard(self) -> None:
        """Keep the lease while the controller is heard of; note in it when the connection is gone.

        At most once a second, and a full disk must not end the conversation: the lease then runs out.
        """
        if self.channel.open and time.monotonic() - self.renewed < 1:
            return
        self.renewed = time.monotonic()
        with contextlib.suppress(OSError):
            lease.renew(self.store, lost=not self.channel.open)


_OTHERS = (release_verbs, backup_verbs, store_verbs)
# These change the host, so the conversation must hold its lease.
CHANGING = frozenset(["prepare", "guard", "confirm"]).union(*(verbs.CHANGING for verbs in _OTHERS))
VERBS = frozenset(
    [
        "open", "snapshot", "examine", "support", "lease", "unlock", "prepare", "guard", "confirm", "run", "run_all",
        "logs", "execute",
    ]
).union(*(verbs.VERBS for verbs in _OTHERS))  # fmt: skip


def main() -> None:
    """Serve requests until the controller closes the connection, then give the lease back."""
    os.umask(0o077)
    # Compose lets variables of its shell win over `.env`, so nothing of the login's environment stays.
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, LC_ALL="C.UTF-8")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    outgoing = os.dup(1)
    os.dup2(2, 1)  # only the protocol may write where the controller reads
    channel = Channel(0, outgoing)
    channel.emit(hello=HELLO)
    session = Session(channel)
    try:
        for request in channel.requests():
            if request["verb"] == "ping":  # a heartbeat wants no answer: it may come while another verb runs
                session.heard()
                continue
            payload = channel.payload(request.get("payload_bytes", 0), session.heard)
            _answer(session, request, payload)
    except StepFailed:
        pass  # the connection ended inside an upload: there is nobody to tell
    finally:
        session.leave()
        resident.keep(session.store, Path(f"{sys.argv[1]}-{sys.implementation.cache_tag}"))


def _answer(session: Session, request: Request, payload: bytes) -> None:
    try:
        if request["verb"] not in VERBS:
            raise StepFailed("request", f"unknown verb {request['verb']!r}")
        if request["verb"] in CHANGING:
            lease.require(session.store)
        result = getattr(session, request["verb"])(request, payload)
        session.channel.emit(done=True, result=result)
    except StepFailed as failure:
        session.channel.emit(done=False, error=failure.as_dict())
    except Exception as error:  # noqa: BLE001 - whatever happens is an answer, not the end of the conversation
        session.channel.emit(done=False, error=as_failure("agent", error).as_dict())
