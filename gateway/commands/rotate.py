"""`invoke secrets.rotate`: new values, into the stores themselves, onto every host, and the old ones seen refused."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.commands.deploy import Confirm, make_plan, refuse_moved, roll_out
from gateway.commands.fleet_state import observe, observe_unlocked
from gateway.commands.project import Project, owner, vault_path
from gateway.commands.settle import as_data, say_what_stays, settle, show_verdicts
from gateway.commands.show_plan import plan_as_dict, show_plan
from gateway.console import say
from gateway.errors import ConfigurationError, GatewayError, RolledBackError
from gateway.plan.build import Plan, database_host
from gateway.plan.operations import Run, register_key
from gateway.preflight import check_all
from gateway.private_file import shown_path
from gateway.release import postgres_settings
from gateway.rollout import take_leases
from gateway.rotation import BACKUPS_PASSWORD, CLIENTS_KEY, GIVEN, checked, chosen, made_anew, rotated, unsettled
from gateway.secret import Secret
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import connected, need_all
from gateway.typed import given_text, on_a_terminal


@dataclass(frozen=True)
class Wanted:
    """What the flags say: names separated by commas or all, the new value given, the clients' old key revoked."""

    names: str
    every: bool
    given: bool
    revoke: bool


def rotate(project: Project, wanted: Wanted, confirm: Confirm, as_json: bool) -> dict[str, Any]:
    """Give secrets new values and return what became of the old ones.

    A rotation that was cut off is finished, with the values that it made. Raises ConfigurationError
    (nothing changed), RolledBackError (the old values are in force again), InDoubtError, and
    VerificationError when an old value is still accepted.
    """
    names = chosen(project.inventory, wanted.names, every=wanted.every, given=wanted.given)
    fresh = _values(project, names, wanted)
    after = project.with_vault(rotated(project.vault, fresh, datetime.now(UTC)))
    result: dict[str, Any] = {"environment": project.inventory.environment, "secrets": list(names), "made": list(fresh)}
    if set(names) <= GIVEN:  # no host has them
        project.keep(project.vault.changed(fresh, datetime.now(UTC)))
        if not as_json:
            say(f"saved: {', '.join(names)}. Revoke the old one where it was made.", "green")
        return {**result, "outcome": "saved"}
    after.releases  # noqa: B018 - everything that can be wrong in the files is found before any host is asked
    with connected(project.inventory, need_all) as conversations:
        observed = observe_unlocked(project.inventory, conversations, project.reporter, after.releases)
        if not unsettled(project.vault) and not make_plan(project, observed).is_empty:
            raise _not_deployed(project)
        made = make_plan(after, observed)
        result["plan"] = plan_as_dict(made)
        if not as_json:
            _announce(project, made, fresh, [name for name in names if name not in fresh])
        if not confirm():
            return {**result, "outcome": "not confirmed"}
        run = Run(project.inventory, after.vault, conversations, project.reporter)
        check_all(project.inventory.hosts, after.releases, observed)
        take_leases(run, owner(), "secrets.rotate")
        refuse_moved(observed, observe(project.inventory, conversations, after.releases))
        _save(project, run, fresh)
        _roll_out(project, made, run, observed, fresh)
        verdicts = settle(run, project, revoke=wanted.revoke)
    stays = CLIENTS_KEY in after.vault.notes.previous and not wanted.revoke
    if not as_json:
        show_verdicts(verdicts)
        say(
            f"done: {', '.join(names)}. Put {shown_path(vault_path(project.inventory))} under version control.", "green"
        )
        if BACKUPS_PASSWORD in names:
            say(f"{BACKUPS_PASSWORD} is another one: renew the copy of it that you keep elsewhere", "yellow")
        if stays:
            say_what_stays(project.inventory.environment)
    still = [CLIENTS_KEY] if stays else []
    seconds = project.reporter.seconds()
    return {**result, "outcome": "rotated", "old_values": as_data(verdicts), "still_valid": still, "seconds": seconds}


def _values(project: Project, names: tuple[str, ...], wanted: Wanted) -> dict[str, Secret]:
    """Return the new values by name; none for those whose rotation is under way, which is finished first."""
    environment, previous = project.inventory.environment, project.vault.notes.previous
    if wanted.revoke and CLIENTS_KEY not in names:
        raise ConfigurationError(
            f"--revoke is about {CLIENTS_KEY}, which is not among the secrets named", where="--revoke",
            unaffected="nothing was changed", next_step="leave --revoke out",
        )  # fmt: skip
    if CLIENTS_KEY in previous and not wanted.revoke and not wanted.every and CLIENTS_KEY in names:
        raise ConfigurationError(
            f"the {CLIENTS_KEY} before the present one is still valid", where="--name",
            unaffected="nothing was changed",
            next_step=f"invoke secrets.rotate --env {environment} --name {CLIENTS_KEY} --revoke ends that",
        )  # fmt: skip
    if wanted.given:
        if names[0] in previous:
            raise ConfigurationError(
                f"an earlier rotation of {names[0]} is not finished", where="--given",
                unaffected="nothing was changed", next_step=f"invoke deploy --env {environment} finishes it",
            )  # fmt: skip
        return {names[0]: checked(names[0], _typed(names[0]))}
    return {name: made_anew(name) for name in names if name not in previous}


def _typed(name: str) -> str:
    """Return the operator's value from standard input, unseen if that is a terminal."""
    return getpass.getpass(f"new {name}: ") if on_a_terminal() else given_text("--given")


def _not_deployed(project: Project) -> ConfigurationError:
    environment = project.inventory.environment
    return ConfigurationError(
        f"{environment} does not run what its inventory and secrets say, so a rotation would bring other changes along",
        where="secrets.rotate", unaffected="every host, and the secrets: nothing was changed",
        next_step=f"invoke deploy --env {environment}, then rotate",
    )  # fmt: skip


def _announce(project: Project, made: Plan, fresh: Mapping[str, Secret], unfinished: list[str]) -> None:
    if not made.is_empty:
        show_plan(made, project.inventory.environment)
    if fresh:
        say(f"new values for: {', '.join(fresh)}")
    if unfinished:
        say(f"to be finished, from an earlier rotation: {', '.join(unfinished)}", "yellow")


def _save(project: Project, run: Run, fresh: Mapping[str, Secret]) -> None:
    """Save the vault with the new values, unless somebody saved another one meanwhile.

    The clients' new key is registered first: one that nobody knows harms nobody, one that nobody
    registered would fail every verification.
    """
    if project.saved_vault() != project.vault:
        raise ConfigurationError(
            "the secrets were changed by another command", where=shown_path(vault_path(project.inventory)),
            unaffected="every host: nothing was changed", next_step="look at them, then rotate again",
        )  # fmt: skip
    if CLIENTS_KEY in fresh:
        register_key(run, database_host(run.inventory), fresh[CLIENTS_KEY])
    project.keep(run.vault)


def _roll_out(project: Project, made: Plan, run: Run, observed: Mapping[str, Any], fresh: Mapping[str, Secret]) -> None:
    """Bring the new values onto the hosts; when that was undone, the vault has the old ones again.

    What somebody has saved of other secrets meanwhile stays.
    """
    if made.is_empty:
        return
    try:
        roll_out(made, project, run, observed, "secrets.rotate")
    except (RolledBackError, ConfigurationError):
        saved = project.saved_vault().values
        others = {name: saved[name] for name in saved if saved[name] != run.vault.values.get(name)}
        project.keep(project.vault.changed(others, datetime.now(UTC)) if others else project.vault)
        host = database_host(run.inventory)
        if CLIENTS_KEY in fresh:
            with suppress(AgentError, GatewayError):  # nobody knows the key: it may stay
                run.ask(
                    host, "revoke_key", project=run.inventory.project, key=fresh[CLIENTS_KEY].reveal(),
                    postgres=postgres_settings(run.inventory.hosts[host]),
                    password=project.vault["postgres_password"].reveal(),
                )  # fmt: skip
        raise
