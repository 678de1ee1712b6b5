"""`invoke restore`: a set into the stores of an environment, in the place of what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gateway.commands.backup import stores_host
from gateway.commands.fleet_state import observe_unlocked
from gateway.commands.gate import verification_gate
from gateway.commands.project import Project, open_project, owner
from gateway.commands.upgrade_note import cut_off, settle_note
from gateway.commands.writers import all_halted
from gateway.console import Reporter, say, table
from gateway.errors import (
    ConfigurationError,
    GatewayError,
    HostFailure,
    InDoubtError,
    RolledBackError,
    UnreachableError,
    VerificationError,
)
from gateway.plan.build import database_host
from gateway.plan.operations import CreateAccount, Run
from gateway.rollout import take_leases
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import connected, need_all

Confirm = Callable[[], bool]


def restore(project: Project, wanted: str, source: str, confirm: Confirm, as_json: bool) -> dict[str, Any]:
    """Put a set in the place of what the stores hold, and verify every host; return the result as data.

    `wanted` is a set's id; `source` an environment whose repository has it, this one's without. What
    writes into the stores stands still meanwhile; what the recorders take down waits with them. Raises
    ConfigurationError (nothing changed), RolledBackError, InDoubtError, VerificationError.
    """
    inventory = project.inventory
    if not wanted:
        raise ConfigurationError(
            "no set was named", where="--from", unaffected="nothing was changed",
            next_step=f"invoke backups --env {inventory.environment} shows them",
        )  # fmt: skip
    data = stores_host(inventory).name
    elsewhere = _elsewhere(source)
    with connected(inventory, need_all) as conversations:
        observed = observe_unlocked(inventory, conversations, project.reporter)
        run = Run(inventory, project.vault, conversations, project.reporter)
        with _refusals(inventory.environment):
            chosen = run.ask(data, "look_at_set", set=wanted, elsewhere=elsewhere)
        if not as_json:
            _show(chosen)
        result = {"environment": inventory.environment, "host": data, "set": chosen["id"]}
        if not confirm():
            return {**result, "outcome": "not confirmed"}
        take_leases(run, owner(), "restore")
        reason = f"{owner()}'s restore of set {chosen['id']}"
        with all_halted(run, reason), project.reporter.step(data, f"restore set {chosen['id']}"):
            restore_set(run, data, chosen["id"], elsewhere)
        if cut_off(observed):
            settle_note(run)
        _account(run)
        failures = verification_gate(run)(inventory.selected)
    if failures:
        raise VerificationError(
            f"the set is restored, but {len(failures)} checks do not hold; the first: {failures[0].cause}",
            where=failures[0].host, next_step=f"invoke verify --env {inventory.environment}",
        )  # fmt: skip
    if not as_json:
        say(f"set {chosen['id']} is restored and verified, {project.reporter.seconds():.0f} s in all", "green")
    return {**result, "outcome": "restored", "seconds": project.reporter.seconds()}


def _elsewhere(source: str) -> dict[str, str] | None:
    """Return another environment's repository and how to open it, None without a source."""
    if not source:
        return None
    other = open_project(source, [], None, Reporter(quiet=True)).deployed()
    host = stores_host(other.inventory)
    return {
        "repository": host.variables.backup.address(other.inventory.project),
        "password": other.vault["backup_password"].reveal(),
        "s3_access_key": other.vault["backup_s3_access_key"].reveal(),
        "s3_secret_key": other.vault["backup_s3_secret_key"].reveal(),
    }


@contextmanager
def _refusals(environment: str) -> Iterator[None]:
    """Turn what an agent refuses before anything was changed into an error for the operator."""
    try:
        yield
    except AgentError as error:
        raise ConfigurationError(
            error.message, where=f"{error.host}: {error.step}", unaffected="nothing was changed",
            next_step=f"what there is: invoke backups --env {environment}",
        ) from None  # fmt: skip


def restore_set(run: Run, host: str, identifier: str, elsewhere: Mapping[str, str] | None) -> None:
    """Put a set in the place of what the stores of `host` hold; what writes into them has to stand still.

    `elsewhere` is another environment's repository. Raises RolledBackError, InDoubtError: that one also for a
    lost connection and for Ctrl-C, since the host goes on with what it has begun.
    """
    environment = run.inventory.environment
    again = f"invoke restore --env {environment} --from {identifier}"
    still = "clients: the gateways go on with the keys that they know; jawn and web stand still"
    try:
        run.ask(host, "restore", set=identifier, elsewhere=elsewhere, secrets=run.store_passwords(), by=owner())
    except (UnreachableError, KeyboardInterrupt) as error:
        cause = error.message if isinstance(error, UnreachableError) else "stopped by Ctrl-C"
        raise InDoubtError(
            "the restore was not waited for: the host finishes or undoes it by itself",
            [HostFailure(host, "restore", cause, in_doubt=True)], unaffected=still,
            next_step=f"{again}: it waits for that one to end, and starts what stands still",
        ) from None  # fmt: skip
    except AgentError as error:
        failures = [HostFailure(host, error.step, error.message, error.logs, in_doubt=error.kind == "doubt")]
        if error.kind == "doubt":
            raise InDoubtError(
                "the restore failed, and the stores are not known to be well", failures, unaffected=still,
                next_step=f"{again}: it first puts the old data back",
            ) from None  # fmt: skip
        raise RolledBackError(
            "the restore failed and was undone", failures,
            unaffected="the stores hold what they held before",
            next_step=f"mend the cause, or take another set: invoke backups --env {environment}",
        ) from None  # fmt: skip


def _account(run: Run) -> None:
    """Make sure that this environment's own account and key are in what was restored: verify asks with them."""
    app = next((name for name in run.conversations if "app" in run.inventory.hosts[name].roles), None)
    if app is None:
        return
    operation = CreateAccount(app, database_host(run.inventory))
    try:
        with run.reporter.step(app, operation.describe()):
            operation.apply(run)
    except (AgentError, GatewayError) as error:  # the verification that follows says whether it matters
        run.reporter.line(app, f"the first account could not be made: {error}", "red")


def _show(chosen: Mapping[str, Any]) -> None:
    manifest = chosen["manifest"]
    rows = []
    if manifest["postgres"] is not None:
        rows.append(
            ["PostgreSQL", f"{len(manifest['postgres'])} tables", _rows(n for n, _ in manifest["postgres"].values())]
        )
    if manifest["clickhouse"] is not None:
        tables = manifest["clickhouse"].values()
        rows.append(["ClickHouse", f"{len(tables)} tables", _rows(table["rows"][1] for table in tables)])
    if manifest["objects"] is not None:
        rows.append(["objects", str(manifest["objects"]["count"]), f"{manifest['objects']['bytes'] / 1e6:.1f} MB"])
    title = f"set {chosen['id']} of {chosen['project']}, {chosen['state']}, made {chosen['time'][:19]} UTC"
    table(title, ["store", "", "holds"], rows)
    say("It takes the place of all that the stores hold now; jawn and web stand still meanwhile.", "yellow")


def _rows(counts: Iterator[int]) -> str:
    return f"{sum(counts)} rows"
