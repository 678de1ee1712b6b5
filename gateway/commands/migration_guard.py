"""What stands between an upgrade's migrations and the data, before any host is touched and after a failure.

There are no migrations that lead back. So a backup is taken first, and restored when the deploy fails.
Web stands still from before it until the new one starts, so that no user or key is made that this would
lose; jawn goes on, and the recorders keep what it was given. An old jawn or web is never started on the
newer schema: hosts that go back leave both standing still until the stores are as they were.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.commands import writers
from gateway.commands.backup import stores_host, take
from gateway.commands.project import owner
from gateway.commands.restore import restore_set
from gateway.commands.upgrade_note import (
    ask_recorders,
    cut_off,
    end,
    half_done,
    settle_note,
    tell_recorders,
)
from gateway.errors import ConfigurationError, GatewayError, HostFailure, InDoubtError, RolloutError
from gateway.migrations import STORES, compatible, counted, undo_of
from gateway.plan.build import Plan
from gateway.plan.observed import settled
from gateway.plan.operations import Run
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import need_all

_UNAFFECTED = "no host was switched: all run what they ran before"
_NAMES_SHOWN = 3
Files = Mapping[str, list[str]]


@dataclass
class Upgrade:
    """Migrations that are going to run on `host`, and what they can be undone with.

    `run` is to be used for the deploy from here on. `wanted` is how their release asks the ledgers,
    `missing` what they lacked; `kept` is the set with the data of before, made at `made`, empty if none is
    to be restored, and `restored` whether it was.
    """

    run: Run
    host: str
    wanted: Mapping[str, Any]
    missing: Files
    kept: str = ""
    made: float = 0.0
    restored: bool = False

    def after_undo(self) -> str:
        """Put right what a failed upgrade left behind, once all hosts are back on the old release.

        Returns a sentence for the report, empty if nothing was applied that an older Helicone minds.
        Raises InDoubtError when the data could not be brought back, or nobody knows whether it has to be;
        jawn and web stand still then. Without a set, AgentError when the ledgers cannot be asked.
        """
        if not self.kept:
            applied = self._applied()
            if not applied:
                return ""
            return (
                f"{counted(applied)} migrations were applied and stay ({_some(applied)}):"
                f" the schema is newer than the release that serves"
            )
        try:
            applied = self._applied()
        except (AgentError, GatewayError) as error:
            raise self._doubt(f"the ledgers cannot be asked: {error.message}", []) from None
        if applied:
            self._restore()
            self.restored = True
        failures = writers.resume(self.run, (*writers.WRITERS, *writers.READERS))
        if failures:
            raise InDoubtError(
                "the stores hold the data of before, but not all of the old release came back",
                [HostFailure(name, "start", str(error), in_doubt=True) for name, error in failures.items()],
                next_step=f"invoke deploy --env {self.run.inventory.environment} of the version that ran",
            )
        if not applied:
            tell_recorders(self.run, "let-go")
            end(self.run)
            return ""
        since = time.strftime("%H:%M:%S", time.gmtime(self.made))
        return (
            f"{counted(applied)} migrations had been applied ({_some(applied)}), so the stores hold again what set"
            f" {self.kept} has, of {since} UTC; what was recorded since is delivered again"
        )

    def undone(self) -> None:
        """Have the recorders deliver again what a restore took away, once the old release is verified.

        Not before, because the request that proves it would have to wait for all of that.
        """
        if self.restored:
            again = settle_note(self.run)
            self.run.reporter.line("", f"{again} records that were delivered since the backup are delivered again")

    def succeeded(self) -> None:
        """Let go of what an undo would have needed; the set itself stays with the others."""
        if self.kept:
            tell_recorders(self.run, "let-go")
            end(self.run)

    def _applied(self) -> dict[str, list[str]]:
        """Return by store what the ledgers show by now of what they lacked and an older Helicone minds."""
        harmless = compatible(self.run.inventory)
        now = _missing(self.run, self.host, self.wanted)
        applied = {
            store: [name for name in names if name not in now[store] and name not in harmless]
            for store, names in self.missing.items()
        }
        return {store: names for store, names in applied.items() if names}

    def _restore(self) -> None:
        """Put the set in the place of what the stores hold. Raises InDoubtError."""
        run = self.run
        try:
            reason = f"{owner()}'s restore of set {self.kept}, with which an upgrade is undone"
            writers.halt(run, (*writers.WRITERS, *writers.READERS), reason)
            with run.reporter.step(self.host, f"restore set {self.kept}"):
                restore_set(run, self.host, self.kept, None)
        except RolloutError as error:
            raise self._doubt(error.message, error.failures) from None
        except (AgentError, GatewayError) as error:
            raise self._doubt(error.message, [HostFailure(self.host, "restore", error.message)]) from None

    def _doubt(self, cause: str, failures: Any) -> InDoubtError:
        rows = [replace(failure, in_doubt=True) for failure in failures]
        environment = self.run.inventory.environment
        return InDoubtError(
            f"migrations were applied, and set {self.kept} has the data of before: {cause}",
            rows or [HostFailure(self.host, "restore", cause, in_doubt=True)],
            next_step=f"invoke restore --env {environment} --from {self.kept}",
        )  # fmt: skip


def guard_migrations(
    plan: Plan, run: Run, wanted: Mapping[str, Mapping[str, Any]], observed: Mapping[str, Mapping[str, Any]]
) -> Upgrade | None:
    """Make what must exist before the migrations of the release with the manifests `wanted` run.

    Called with every lease held, before the first host is touched. Returns None when none will run.
    Raises ConfigurationError, with everything as it was, when the stores cannot be asked what they have,
    or the backup cannot be made: what cannot be looked at or saved cannot be brought back either.
    """
    host = next((name for name, planned in plan.hosts.items() if planned.upgrades), None)
    if host is None:
        return None
    migrations = wanted[host]["migrations"]
    try:
        missing = _missing(run, host, migrations)
    except AgentError as error:
        raise ConfigurationError(
            f"migrations are to run, and the stores cannot be asked what they have: {error.message}",
            where=f"{host}: {error.step}", unaffected=_UNAFFECTED,
            next_step="bring the stores back first, by a deploy of the version that ran; then upgrade",
        ) from None  # fmt: skip
    begun, note = Upgrade(run, host, migrations, missing), cut_off(observed)
    if note and half_done(observed, compatible(run.inventory)):
        begun = replace(begun, missing=note["missing"], kept=note["set"], made=note["made"])
    elif undo_of(run.inventory, missing) != "restore":
        return begun
    return _protected(begun, str(settled(observed[host])), note)


def _protected(upgrade: Upgrade, release: str, note: Mapping[str, Any] | None) -> Upgrade:
    """Return the upgrade with its set, which is made unless an earlier try made it; or leave everything as it was.

    The note on the data host comes first, so that whoever comes later knows what may have been begun.
    """
    run, host = upgrade.run, upgrade.host
    halted, fresh = False, not upgrade.kept
    try:
        if fresh:
            run.ask(host, "open_repository")  # what is mostly in the way of a backup is known at once
            _note(upgrade, release)
        if note:
            tell_recorders(run, "again")  # what an earlier try kept may be gone from the stores
        failures = ask_recorders(run, "keep")[1]
        if failures:
            need_all(failures)
        halted = True
        writers.halt(run, ["web"])
        if fresh:
            with run.reporter.step(host, "take the backup that the data is restored from if the deploy fails"):
                made = time.time()
                upgrade = replace(upgrade, kept=take(run, stores_host(run.inventory))["set"], made=made)
            _note(upgrade, release)
    except BaseException as error:
        if halted and fresh:  # else an earlier try has left it standing, and stores that are half migrated
            writers.resume(run, ["web"])
        if fresh and note:
            settle_note(run)
        elif fresh:
            tell_recorders(run, "let-go")
            end(run)
        if isinstance(error, (AgentError, GatewayError)):
            raise _refusal(error, run.inventory.environment) from None
        raise
    return replace(upgrade, run=replace(run, undo_without=writers.WRITERS))


def _note(upgrade: Upgrade, release: str) -> None:
    entry = {
        "set": upgrade.kept, "made": upgrade.made, "release": release, "by": owner(), "missing": upgrade.missing,
        "migrations": upgrade.wanted,
    }  # fmt: skip
    upgrade.run.ask(upgrade.host, "begin_upgrade", entry=entry)


def _refusal(error: AgentError | GatewayError, environment: str) -> ConfigurationError:
    where = f"{error.host}: {error.step}" if isinstance(error, AgentError) else error.where
    return ConfigurationError(
        f"the backup that comes before the migrations could not be made: {error.message}", where=where,
        unaffected=_UNAFFECTED,
        next_step=f"mend it, see that invoke backup --env {environment} works, then deploy again; to go without one,"
        " which leaves applied migrations in place when the deploy fails: migrations.backup: false",
    )  # fmt: skip


def _some(files: Files) -> str:
    names = [name for one in files.values() for name in one]
    more = [f"{len(names) - _NAMES_SHOWN} more"] if len(names) > _NAMES_SHOWN else []
    return ", ".join([*names[:_NAMES_SHOWN], *more])


def _missing(run: Run, host: str, migrations: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return by store which of `migrations` the ledgers lack. Raises AgentError."""
    found: dict[str, list[str]] = run.ask(
        host, "missing_migrations", project=run.inventory.project, migrations=migrations,
        secrets=run.store_passwords(),
    )  # fmt: skip
    return {store: found[store] for store in STORES}
