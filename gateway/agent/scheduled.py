"""What the schedule starts: one backup, then a drill when the last good one is old enough."""

from __future__ import annotations

import os
import socket
import sys
import time

from . import backup_log, lease
from .backup import take
from .backup_settings import load
from .drill import drill
from .failure import StepFailed
from .store import Store

_WAIT, _PATIENCE = 30.0, 7200.0  # seconds between two tries to get the lease, and how long to try
_BY = "schedule"


def main(root: str) -> None:
    """Do what is due and end with code 1 if any of it failed; `invoke status` tells what."""
    os.umask(0o077)
    os.environ["LC_ALL"] = "C.UTF-8"
    store = Store(root)
    try:
        _take_lease(store)
        take(store, _BY, _say)
        every = load(store).drill_every_days
        if every and _drill_is_due(store, every):
            drill(store, None, _BY, _say)
    except StepFailed as failure:
        print(f"{failure.step}: {failure.message}", file=sys.stderr)
        sys.exit(1)


def _take_lease(store: Store) -> None:
    """Take the host's lease for as long as this process lives; a deploy that is at work is waited for."""
    started = time.time()
    while True:
        try:
            lease.take(store, f"{_BY}@{socket.gethostname()}", "backup", 60)
        except StepFailed as failure:
            if time.time() - started > _PATIENCE:
                backup_log.note(store, "backup", "", started, _BY, failure.message)
                raise
            time.sleep(_WAIT)
        else:
            lease.renew(store, worker=os.getpid())
            return


def _drill_is_due(store: Store, days: int) -> bool:
    last = (backup_log.summary(store) or {}).get("drill")
    return last is None or last["age"] > days * 86_400 - 3600  # an hour less: the schedule is not to the second


def _say(**event: object) -> None:
    print(event.get("text", ""), flush=True)
