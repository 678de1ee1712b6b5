"""What is left of a rotation once every host runs the new values: accounts, keys, and the proof."""

from __future__ import annotations

from typing import Any

from gateway.better_auth import password_hash
from gateway.commands.old_values import NOT_TRIED, REFUSED, Verdict, try_old_values
from gateway.commands.project import Project
from gateway.console import say, table
from gateway.errors import GatewayError, VerificationError
from gateway.plan.build import database_host
from gateway.plan.operations import Run, register_key
from gateway.release import postgres_settings
from gateway.render.topology import migrator
from gateway.rotation import CLIENTS_KEY, settled, unsettled
from gateway.secret import Secret
from gateway.transport.conversation import AgentError


def forget_logins(run: Run) -> None:
    """Shut out of the stores whoever no host's release needs any more.

    Only a command for all hosts may: another does not know what the rest of them runs. The deploy is
    good all the same when it cannot be done; the next one makes up for it.
    """
    host = migrator(run.inventory)
    if set(run.conversations) != set(run.inventory.hosts):
        return
    try:
        run.ask(host, "forget_logins", project=run.inventory.project)
    except (AgentError, GatewayError) as error:
        run.reporter.line(host, f"earlier logins to the stores could not be removed: {error}", "red")


def settle(run: Run, project: Project, *, revoke: bool = False) -> list[Verdict]:
    """Put the values into force that no release carries, and see every replaced one refused.

    The vault on disk, which has the values of `run`, forgets the old ones then. Raises VerificationError,
    and it keeps them, if one is still accepted or could not be tried.
    """
    vault = run.vault
    names = unsettled(vault, revoke=revoke)
    if not names:
        return []
    with run.reporter.step("", f"try the old values of {', '.join(names)}"):
        if "admin_password" in names:
            _set_account_password(run, vault["admin_password"])
        if CLIENTS_KEY in names:
            _revoke(run, vault[CLIENTS_KEY], vault.notes.previous[CLIENTS_KEY])
        if {"postgres_password", "gateway_stores_password"} & set(names):
            forget_logins(run)
        verdicts = try_old_values(run, vault, names)
    doubtful = [verdict for verdict in verdicts if verdict.outcome not in (REFUSED, NOT_TRIED)]
    if doubtful:
        raise VerificationError(
            "the new values are in force, and "
            + "; ".join(f"the old {one.secret} is {one.outcome} ({one.where})" + _why(one) for one in doubtful),
            unaffected="both the new values and the old ones are in the secrets",
            next_step=f"mend that, then: invoke deploy --env {run.inventory.environment}, which tries again",
            report={"old_values": as_data(verdicts)},
        )
    project.keep(settled(project.saved_vault(), names))  # somebody may have changed other secrets meanwhile
    return verdicts


def show_verdicts(verdicts: list[Verdict]) -> None:
    """Print which old value was refused where."""
    if verdicts:
        table("", ["secret", "the old value was", "by"], [[v.secret, v.outcome, v.where or v.words] for v in verdicts])


def as_data(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """Return the verdicts as JSON can hold them."""
    return [{"secret": v.secret, "where": v.where, "outcome": v.outcome, "words": v.words} for v in verdicts]


def say_what_stays(environment: str) -> None:
    """Say that the clients' old key is still valid, and how to end that."""
    say(
        f"the old {CLIENTS_KEY} is still valid. Give your clients the new one (invoke welcome --env {environment}),"
        f" then: invoke secrets.rotate --env {environment} --name {CLIENTS_KEY} --revoke", "yellow",
    )  # fmt: skip


def _why(verdict: Verdict) -> str:
    return f": {verdict.words}" if verdict.words else ""


def _set_account_password(run: Run, password: Secret) -> None:
    host = database_host(run.inventory)
    variables = run.inventory.hosts[host].variables
    answer = run.ask(
        host, "set_account_password", project=run.inventory.project, email=variables.admin.email,
        postgres=postgres_settings(run.inventory.hosts[host]), hash=password_hash(password.reveal()),
        password=run.vault["postgres_password"].reveal(),
    )  # fmt: skip
    if not answer["changed"]:
        raise VerificationError(
            f"the new values are in force, but no account of {variables.admin.email} signs in with a password",
            where="admin.email",
            unaffected="all other secrets; the new admin_password is in the secrets",
            next_step="set admin.email to the account that is meant, then deploy: it tries again",
        )  # fmt: skip


def _revoke(run: Run, new: Secret, old: Secret) -> None:
    host = database_host(run.inventory)
    register_key(run, host, new)
    run.ask(
        host, "revoke_key", project=run.inventory.project, postgres=postgres_settings(run.inventory.hosts[host]),
        password=run.vault["postgres_password"].reveal(), key=old.reveal(),
    )  # fmt: skip
