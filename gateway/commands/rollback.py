"""`invoke rollback`: the same apply with an older release."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.agent.store import release_number
from gateway.commands.deploy import Confirm, carry_out, refuse_half_restored, refuse_moved
from gateway.commands.fleet_state import observe, observe_unlocked
from gateway.commands.gate import verification_gate
from gateway.commands.project import Project, owner
from gateway.commands.rollout_report import Told, reported
from gateway.commands.show_plan import plan_as_dict, show_plan
from gateway.commands.upgrade_note import refuse_half_upgraded
from gateway.errors import ConfigurationError
from gateway.migrations import compatible, refuse_apart, refuse_newer_schema
from gateway.plan.build import build_rollback
from gateway.plan.history import left_behind, verdicts
from gateway.plan.observed import before_upgrade
from gateway.plan.operations import Run
from gateway.rollout import prepare, take_leases
from gateway.transport.fleet import connected, need_all, on_all
from gateway.vault import Vault, diff_key
from gateway.verify.release_view import seen_release
from gateway.wording import printable


def rollback(
    project: Project,
    to: int | None,
    confirm: Confirm,
    as_json: bool,
    old_secrets: bool = False,
    report: Path | None = None,
) -> dict[str, Any]:
    """Bring the selected hosts back to release `to`, or to the last good one below that nobody rolled back from.

    Databases are not touched: their data stays as it is. The stores accept what the release has as
    secrets; where these are not today's any more it takes `old_secrets`. However it ends, its `report` is
    written, if there is to be one. Raises what a deploy raises, and ConfigurationError when no such release
    is on every host, or newer migrations than its own have run.
    """
    with reported(project, "rollback", report) as told:
        result = _rollback(project, to, confirm, as_json, old_secrets, told)
        told.outcome = result["outcome"]
    return result


def _rollback(
    project: Project, to: int | None, confirm: Confirm, as_json: bool, old_secrets: bool, told: Told
) -> dict[str, Any]:
    """Do what `rollback` says, and note in `told` what its report needs."""
    inventory = project.inventory
    with connected(inventory, need_all) as conversations:
        observed = observe_unlocked(inventory, conversations, project.reporter)
        identifier = choose(observed, to, inventory.environment)
        older, failures = on_all(
            list(conversations),
            lambda name: conversations[name].request(
                "manifest", release=identifier, key=project.vault["fingerprint_key"].reveal()
            ),
        )
        if failures:
            raise next(iter(failures.values()))
        manifests = {name: one["manifest"] for name, one in older.items()}
        refuse_half_upgraded(observed, compatible(inventory), manifests, inventory.environment)
        refuse_apart({name: seen["manifest"] for name, seen in observed.items()}, manifests)
        refuse_newer_schema(
            {name: before_upgrade(seen) for name, seen in observed.items()},
            manifests,
            compatible(inventory),
        )
        if not old_secrets:
            refuse_old_secrets(identifier, older, observed, project.vault, inventory.environment)
        made = build_rollback(inventory, identifier, older, observed)
        told.planned(plan_as_dict(made), observed)
        if not as_json:
            show_plan(made, inventory.environment)
        result = {"environment": inventory.environment, "release": identifier, "plan": plan_as_dict(made)}
        if not confirm():
            return {**result, "outcome": "not confirmed"}
        refuse_half_restored(observed, inventory)
        run = Run(inventory, project.vault, conversations, project.reporter)
        take_leases(run, owner(), "rollback")
        now = observe(inventory, conversations)
        refuse_moved(observed, now)
        refuse_half_restored(now, inventory)
        prepare(made, run)
        carry_out(made, run, observed, "rollback", verification_gate(run))
        return {**result, "outcome": "rolled back", "seconds": project.reporter.seconds()}


def refuse_old_secrets(
    identifier: str, older: Mapping[str, Any], observed: Mapping[str, Any], vault: Vault, environment: str
) -> None:
    """Raise ConfigurationError if going back would make values valid again that were replaced since.

    Those are the secrets of the older release that neither the vault nor the running release has.
    """
    key = diff_key(vault)
    known = {value.fingerprint(key) for value in vault.values.values()}
    for seen in observed.values():
        view = seen_release(seen)
        known |= {value.fingerprint(key) for value in view.secrets} if seen["manifest"] else set()
    old = {name for host in older.values() for name, mark in host.get("marks", {}).items() if mark not in known}
    if old:
        number = release_number(identifier)
        raise ConfigurationError(
            f"release {identifier} is from before {', '.join(sorted(old))} got new values:"
            " going back makes the old ones valid again",
            where="rollback", unaffected="every host: nothing was changed",
            next_step=f"invoke rollback --env {environment} --to {number} --old-secrets does so all the same; a deploy"
            " after it brings today's values back",
        )  # fmt: skip


def wanted_number(text: str) -> int | None:
    """Return the number in `--to` (`4` or `4-1c9a8d2f3b70`), None for an empty text. Raises ConfigurationError."""
    number = text.partition("-")[0]
    if text and not re.fullmatch("[0-9]{1,18}", number):
        raise ConfigurationError(
            f"`{printable(text)}` is no release number", where="--to", next_step="give a number, such as --to 4"
        )
    return int(number) if text else None


def choose(observed: Mapping[str, Mapping[str, Any]], to: int | None, environment: str) -> str:
    """Return the release to go back to: number `to`, or the newest good one below what runs.

    It must be on every host, and its deploy must not have failed. Without a number it is one that a deploy verified and
    that nobody rolled back from: somebody had a reason. Raises ConfigurationError.
    """
    next_step = f"invoke history --env {environment}"
    held: list[set[str]] = [set(seen["releases"]) for seen in observed.values()]
    common = set.intersection(*held) if held else set()
    known: dict[str, str] = {}
    for seen in observed.values():
        for release, outcome in verdicts(seen["history"]).items():
            known[release] = "failed" if "failed" in (outcome, known.get(release)) else outcome
    current: set[str] = {seen["current"] for seen in observed.values()}
    if to is not None:
        named = [release for release in common if release_number(release) == to]
        if not named:
            raise ConfigurationError(f"release {to} is not on every host", where="--to", next_step=next_step)
        if current == {named[0]}:
            raise ConfigurationError(f"release {named[0]} is what runs already", where="--to", next_step=next_step)
        if known.get(named[0]) == "failed":
            raise ConfigurationError(
                f"release {named[0]} failed when it was deployed", where="--to", next_step=next_step
            )
        return named[0]
    newest = max((release_number(release) for release in current if release), default=0)
    left = set().union(*(left_behind(seen["history"]) for seen in observed.values()))
    good = [r for r in common - left if known.get(r) == "good" and release_number(r) < newest]
    if not good:
        raise ConfigurationError(
            "there is no earlier good release on every host; those that were rolled back from count with --to only",
            where="rollback", unaffected="every host: nothing was changed", next_step=next_step,
        )  # fmt: skip
    return max(good, key=release_number)
