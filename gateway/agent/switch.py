"""Making a release the running one, and going back by itself when that fails.

Deploy, rollback and undo are this one function with different releases. It runs in a detached
process, so the host ends on one release or the other whatever happens to the controller.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from . import (
    aside,
    compose,
    gateway_users,
    halting,
    handover,
    health,
    live,
    logins,
    removal,
    retention,
    standing_still,
    stores,
    upgrading,
)
from .failure import StepFailed, as_failure
from .store import Store

ORDER = ("data", "migrations", "app", "edge")
# Which variable of a release's `.env` has which password that the agent itself needs.
PASSWORDS = {
    "postgres": "POSTGRES_PASSWORD",
    "clickhouse": "CLICKHOUSE_PASSWORD",
    "clickhouse_hql": "CLICKHOUSE_HQL_PASSWORD",
    "gateway_stores": "GATEWAY_STORES_PASSWORD",
}
Emit = Callable[..., None]


def switch(store: Store, request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Switch to `request["release"]` and wait until it is healthy; on failure bring the old one back.

    The old one is the last that the host was whole on: after a power cut that is not what `current` says, and in
    an upgrade under way it is the one that this began on.
    Services in `request["without"]` are left standing still, or stopped, and those in `undo_without` when
    the old one comes back. Returns `{"release", "previous"}`. Raises StepFailed with the cause; its `kind`
    is `failed` when the previous release runs healthy again and `doubt` when it does not.
    """
    release = request["release"]
    previous = upgrading.began_on(store) or store.settled()
    wrong = store.check(release)
    if wrong:
        raise StepFailed("switch", f"the checksum of {', '.join(wrong)} differs from the manifest of {release}")
    store.append("journal", step="switching", release=release, previous=previous)
    try:
        _activate(store, release, request, emit)
        store.append("journal", step="switched", release=release, previous=previous)
    except Exception as error:  # a full disk or a defect, too, must not leave the host half switched
        failure = as_failure("switch", error)
        emit(event="progress", text=f"failed: {failure.message}; going back to {previous or 'nothing'}")
        _undo(store, request, previous, failure, emit)
        _note(store, step="undone", release=previous, failed=release, cause=failure.message)
        raise failure from error
    return {"release": release, "previous": previous}


def retire(store: Store, project: str, emit: Emit) -> dict[str, Any]:
    """Take the environment off the host after a first deploy that failed: containers and link, no data."""
    _note(store, step="retiring", release=None, previous=store.current())
    if store.current():
        compose.down(store, project)
        removal.remove_others(project, [], emit)
        store.point_to(None)
    _note(store, step="retired", release=None)
    return {"release": None}


def _undo(store: Store, request: dict[str, Any], previous: str | None, failure: StepFailed, emit: Emit) -> None:
    try:
        if previous is None:
            retire(store, request["project"], emit)
        else:
            without = request.get("undo_without", [])
            _activate(store, previous, {**request, "settle_seconds": 0, "without": without}, emit)
    except Exception as error:  # whatever it was, the host is in doubt now
        second = as_failure("undo", error)
        _note(store, step="doubt", release=previous, cause=second.message)
        message = f"{failure.message}; going back to {previous} failed too: {second.message}"
        raise StepFailed(failure.step, message, kind="doubt", logs=failure.logs + second.logs) from error


def _note(store: Store, **entry: Any) -> None:
    """Write a line of the journal if the disk takes it: going back is never given up for want of a line."""
    with contextlib.suppress(OSError):
        store.append("journal", **entry)


def _activate(store: Store, release: str, request: dict[str, Any], emit: Emit) -> None:
    """Point `current` to a release and bring its services up, role by role, each healthy before the next."""
    project = request["project"]
    manifest = store.manifest(release)
    redact = compose.redaction(store, release)
    store.point_to(release)
    settings = store.settings(release)
    timeout = manifest["settings"]["health_timeout"]
    without = request.get("without", [])
    if without:
        halting.halt(project, without)
    else:
        standing_still.clear(store)  # whoever asked knows that the stores are whole
        aside.end(store)
    long_running = [service["name"] for service in manifest["services"] if not service["one_shot"]]
    awaited = [name for name in long_running if name not in without]
    removal.remove_others(project, long_running, emit)
    compose.remove(project, request.get("replace", []))
    compose.free_ports(project, manifest["services"])
    live.deliver(store, manifest, lambda path: health.wait_until_taken_up(project, manifest, path))
    for role in ORDER:
        if role == "migrations":
            if manifest["migrations"]:
                passwords = passwords_of(settings, request["secrets"])
                _migrate(store, project, manifest["migrations"], passwords, emit)
                login = settings.get("GATEWAY_STORES_LOGIN", gateway_users.GROUP)
                stores.set_hql_password(project, manifest["migrations"]["clickhouse"], passwords)
                gateway_users.accept(project, manifest["migrations"], passwords, login)
                _keep_as_long_as_wanted(project, manifest["migrations"], passwords, settings, emit)
            continue
        services = [s for s in manifest["services"] if s["role"] == role and s["name"] in awaited]
        if services:
            emit(event="step", text=f"start {', '.join(s['name'] for s in services)}")
            plain = [s["name"] for s in services if not s.get("handover")]
            compose.up(store, project, plain, redact)
            health.wait_until_ready(project, plain, timeout, redact, emit)
            if "db" in plain:
                logins.accept(project, settings)
            for service in services:
                if service.get("handover"):
                    handover.bring_up(store, project, service, timeout, redact, emit)
    health.wait_until_healthy(project, awaited, timeout, redact)
    seconds = request.get("settle_seconds", 0)
    if seconds:
        emit(event="step", text=f"watch for {seconds} s")
        health.settle(project, awaited, seconds, redact)


def forget_logins(store: Store, project: str) -> None:
    """Shut out of the stores whoever the current release does not need. Raises StepFailed.

    Only for a host that migrates, and when every host of the environment is known to run that release.
    """
    release = str(store.current())
    manifest, settings = store.manifest(release), store.settings(release)
    if any(service["name"] == "db" for service in manifest["services"]):
        logins.forget_others(project, settings)
    if manifest["migrations"]:
        login = settings.get("GATEWAY_STORES_LOGIN", gateway_users.GROUP)
        gateway_users.forget_others(project, manifest["migrations"], passwords_of(settings, {}), login)


def passwords_of(settings: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Return the stores' passwords as the release has them; `given` has those of a release that is too old to.

    The stores follow the release that runs, forward and back, whatever the vault says by now.
    """
    return {**given, **{name: settings[key] for name, key in PASSWORDS.items() if key in settings}}


def _migrate(store: Store, project: str, migrations: dict[str, Any], secrets: dict[str, str], emit: Emit) -> None:
    """Run the migrations when the ledgers lack any, and believe only the ledgers afterwards.

    There is no timeout: a migration that is cut off leaves ClickHouse half changed, so it is waited
    for, and says how long it has been running.
    """
    missing = stores.missing_migrations(project, migrations, secrets)
    if any(missing.values()):
        started = time.monotonic()
        count = {name: len(files) for name, files in missing.items()}
        emit(
            event="step",
            text=f"migrate: {count['postgres']} PostgreSQL, {count['clickhouse']} ClickHouse files",
        )
        redact = compose.redaction(store, str(store.current()))
        last = [started]

        def report(line: str) -> None:
            if time.monotonic() - last[0] > 1:
                last[0] = time.monotonic()
                emit(event="progress", text=f"migrate: {time.monotonic() - started:.0f} s: {line[-80:]}")

        # `--no-TTY`: without it, Compose waits for a terminal that a detached process does not have.
        arguments = compose.command(store, project, "run", "--rm", "--no-deps", "--no-TTY", "migrations")
        ended = StepFailed("migrate", "")
        try:
            compose.run(arguments, "migrate", redact, report)
        except StepFailed as failure:
            ended = failure
        missing = stores.missing_migrations(project, migrations, secrets)
        names = [name for files in missing.values() for name in files]
        if names or ended.message:
            lacking = f"{len(names)} migrations are not in the ledgers, the first is {names[0]}" if names else ""
            message = "; ".join(part for part in (ended.message, lacking) if part)
            raise StepFailed("migrate", message, logs=ended.logs or names[:20])


def _keep_as_long_as_wanted(
    project: str, migrations: dict[str, Any], passwords: dict[str, str], settings: dict[str, str], emit: Emit
) -> None:
    """Set the retention; a ClickHouse that refuses it is told about, and is no reason to undo a deploy."""
    try:
        changed = retention.apply(project, migrations["clickhouse"], passwords["clickhouse"], settings)
    except StepFailed as failure:
        emit(event="step", text=f"retention stays as it is: {failure.message}")
        return
    for statement in changed:
        emit(event="step", text=f"retention: {statement}")
