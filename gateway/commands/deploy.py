"""`invoke deploy` and `invoke plan`: from the inventory to verified hosts, or back to where they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.commands.backup import keep_secrets
from gateway.commands.fleet_state import observe, observe_unlocked
from gateway.commands.gate import verification_gate
from gateway.commands.migration_guard import Upgrade, guard_migrations
from gateway.commands.project import ROOT, Project, owner
from gateway.commands.rollout_report import Told, reported
from gateway.commands.settle import forget_logins, settle
from gateway.commands.show_plan import plan_as_dict, show_plan
from gateway.commands.upgrade_note import cut_off, refuse_half_upgraded, settle_note
from gateway.compose_program import compose_program
from gateway.console import say
from gateway.eras import refuse_skipped_stop
from gateway.errors import ConfigurationError, GatewayError, RolloutError
from gateway.inventory import Inventory
from gateway.migrations import compatible, refuse_apart, refuse_newer_schema, refuse_unprotected
from gateway.plan.build import Plan, build_deploy
from gateway.plan.history import kept_releases
from gateway.plan.observed import before_upgrade, settled
from gateway.plan.operations import Run
from gateway.preflight import check_all, refuse_stranding
from gateway.render.topology import data_host
from gateway.rollout import prepare, take_leases, touch
from gateway.rotation import unsettled
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import connected, need_all, on_all
from gateway.vault import diff_key

Confirm = Callable[[], bool]


def plan(project: Project, as_json: bool) -> dict[str, Any]:
    """Print what a deploy would do, and do nothing. Returns the plan as data."""
    with connected(project.inventory, need_all) as conversations:
        observed = observe(project.inventory, conversations, project.releases)
        made = make_plan(project, observed)
    if not as_json:
        show_plan(made, project.inventory.environment)
    return plan_as_dict(made)


def deploy(project: Project, confirm: Confirm, as_json: bool, report: Path | None = None) -> dict[str, Any]:
    """Bring the selected hosts to what the inventory says, verified, and return the result as data.

    However it ends, its `report` is written, if there is to be one. Raises ConfigurationError (preflight,
    nothing changed), RolledBackError, InDoubtError.
    """
    with reported(project, "deploy", report) as told:
        result = _deploy(project, confirm, as_json, told)
        told.outcome = result["outcome"]
    return result


def _deploy(project: Project, confirm: Confirm, as_json: bool, told: Told) -> dict[str, Any]:
    """Do what `deploy` says, and note in `told` what its report needs."""
    project.releases  # noqa: B018 - everything that can be wrong in the files is found before any host is asked
    with connected(project.inventory, need_all) as conversations:
        observed = observe_unlocked(project.inventory, conversations, project.reporter, project.releases)
        refuse_half_restored(observed, project.inventory)
        made = make_plan(project, observed)
        told.planned(plan_as_dict(made), observed)
        begun = cut_off(observed)  # by an earlier upgrade
        # A command for some hosts cannot settle what concerns all of them.
        left = unsettled(project.vault) if set(conversations) == set(project.inventory.hosts) else ()
        if not as_json:
            show_plan(made, project.inventory.environment)
            if left:
                say(f"to be finished, from an earlier rotation: {', '.join(left)}", "yellow")
            if begun:
                say("to be settled: an upgrade that was cut off", "yellow")
        if made.is_empty and not left and not begun:
            return _result(project, made, "no changes")
        check_all(project.inventory.hosts, project.releases, observed)
        if not confirm():
            return _result(project, made, "not confirmed")
        run = Run(project.inventory, project.vault, conversations, project.reporter)
        take_leases(run, owner(), "deploy")
        now = observe(project.inventory, conversations, project.releases)
        refuse_moved(observed, now)
        # Another environment may have been deployed to the same host since, and have taken its ports or its disk.
        check_all(project.inventory.hosts, project.releases, now)
        refuse_half_restored(now, project.inventory)
        refuse_stranding(_manifests(project), now, project.inventory.environment)
        if not made.is_empty:
            roll_out(made, project, run, observed, "deploy")
        if begun:
            settle_note(run)
        if left:
            settle(run, project)
        keep_secrets_for_backups(run)
        return _result(project, made, "deployed")


def roll_out(made: Plan, project: Project, run: Run, observed: Mapping[str, Any], command: str) -> None:
    """Carry a plan that is not empty out from its beginning to its end. Raises what `deploy` does."""
    prepare(made, run)
    upgrade = guard_migrations(made, run, _manifests(project), observed)
    carry_out(made, run, observed, command, verification_gate(run), upgrade)
    prune(run, observed)


def carry_out(
    made: Plan,
    run: Run,
    observed: Mapping[str, Any],
    command: str,
    gate: Any,
    upgrade: Upgrade | None = None,
) -> None:
    """Do the part of a plan that changes what runs, and write its outcome into every host's history.

    `upgrade` is what `guard_migrations` returned, where migrations may run.
    """
    previous = {name: settled(observed[name]) for name in made.hosts}
    try:
        if upgrade is None:
            touch(made, run, previous, gate)
        else:
            touch(made, upgrade.run, previous, gate, upgrade.after_undo)
    except RolloutError as error:
        causes = "; ".join(f"{failure.host}: {failure.cause}" for failure in error.failures)
        record(run, made.identifier, "failed", command, causes)
        if upgrade is not None:
            upgrade.undone()
        raise
    record(run, made.identifier, "good", command, "")
    if upgrade is not None:
        upgrade.succeeded()
    forget_logins(run)
    seconds = run.reporter.seconds()
    run.reporter.line(
        "", f"{', '.join(made.hosts)}: release {made.identifier}, verified, {seconds:.0f} s in all", "green"
    )


def record(run: Run, identifier: str, outcome: str, command: str, cause: str) -> None:
    """Write one line of history on every host that can still be reached."""
    entry = {
        "release": identifier, "outcome": outcome, "command": command, "owner": owner(),
        "seconds": run.reporter.seconds(), "cause": cause[:500],
    }  # fmt: skip
    _, failures = on_all(list(run.conversations), lambda name: run.conversations[name].request("record", entry=entry))
    for name, error in failures.items():  # the outcome stands; a lost line of history must not hide it
        run.reporter.line(name, f"the history could not be written: {error}", "red")


def prune(run: Run, observed: Mapping[str, Any]) -> None:
    """Remove the oldest releases beyond `deploy.keep_releases`, never the one that a rollback would take."""

    def remove(name: str) -> Any:
        """Ask one host."""
        keep = kept_releases(run.inventory.hosts[name].variables.deploy.keep_releases, observed[name])
        protected = [observed[name]["current"], settled(observed[name])]
        return run.conversations[name].request("prune", keep=keep, protected=protected)

    for name, error in on_all(list(run.conversations), remove)[1].items():  # the deploy is good all the same
        run.reporter.line(name, f"old releases could not be removed: {error}", "red")


def keep_secrets_for_backups(run: Run) -> None:
    """Let the data host have the encrypted secrets file, which belongs into the sets that it makes by itself."""
    host = data_host(run.inventory)
    if host is None or host.name not in run.conversations or not host.variables.backup.enabled:
        return
    try:
        keep_secrets(run, host)
    except (AgentError, GatewayError) as error:  # the deploy is good all the same
        run.reporter.line(host.name, f"the secrets file could not be left for backups: {error}", "red")


def refuse_half_restored(observed: Mapping[str, Any], inventory: Inventory) -> None:
    """Raise ConfigurationError for a host on which a restore was cut off: its stores hold half of a set.

    Also for one whose services stand still for a restore, when nobody looked at the data host, which knows its end.
    """
    environment, data = inventory.environment, data_host(inventory)
    for name, seen in observed.items():
        still = seen["backups"]["standing_still"]
        if still and data is not None and data.name not in observed:
            raise ConfigurationError(
                f"services stand still here for {still['reason']} since {still['since']}, and whether the stores are"
                f" whole by now only {data.name} knows",
                where=name, unaffected="every host: nothing was changed",
                next_step=f"name {data.name} in --limit, too, or deploy to all: invoke deploy --env {environment}",
            )  # fmt: skip
        if seen["backups"]["restore_cut_off"]:
            if not seen["facts"]["engine"]:
                raise ConfigurationError(
                    "a restore may have been cut off here, and only a Docker that runs can tell", where=name,
                    unaffected="every host: nothing was changed",
                    next_step=f"on the host: systemctl start docker; then look: invoke status --env {environment}",
                )  # fmt: skip
            raise ConfigurationError(
                "a restore was cut off here, the stores hold a part of a set; the old data is kept beside them",
                where=name, unaffected="every host: nothing was changed",
                next_step=f"invoke restore --env {environment} --from ID: it begins by putting the old data back",
            )  # fmt: skip


def refuse_moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise ConfigurationError when a host is not any more what the plan was made from."""
    watched = ("current", "contents", "containers")
    for name in before:
        moved = [
            part for part in watched
            if _identity(part, before[name][part]) != _identity(part, after[name][part])
        ]  # fmt: skip
        if moved:
            raise ConfigurationError(
                f"the host changed since the plan was made ({', '.join(moved)})", where=name,
                unaffected="every host: nothing was changed", next_step="look at the new plan: deploy again",
            )  # fmt: skip


def _identity(part: str, seen: Any) -> Any:
    """Return what of a snapshot must not have changed; a container's health may."""
    return [(container["id"], container["hash"]) for container in seen] if part == "containers" else seen


def make_plan(project: Project, observed: Mapping[str, Any]) -> Plan:
    """Return the plan that brings the observed hosts to what the project says.

    Raises ConfigurationError when the release must not follow what runs.
    """
    running, wanted = {name: seen["manifest"] for name, seen in observed.items()}, _manifests(project)
    inventory = project.inventory
    refuse_skipped_stop(ROOT, inventory, [one for one in running.values() if one], wanted.values())
    refuse_half_upgraded(observed, compatible(inventory), wanted, inventory.environment)
    refuse_apart(running, wanted)
    refuse_newer_schema({name: before_upgrade(seen) for name, seen in observed.items()}, wanted, compatible(inventory))
    refuse_stranding(wanted, observed, inventory.environment)
    made = build_deploy(inventory, project.releases, observed, compose_program(), diff_key(project.vault))
    if any(host.undo == "restore" for host in made.hosts.values()):
        refuse_unprotected(inventory)
    return made


def _manifests(project: Project) -> dict[str, Mapping[str, Any]]:
    return {name: release.manifest for name, release in project.releases.items()}


def _result(project: Project, made: Plan, outcome: str) -> dict[str, Any]:
    return {
        "environment": project.inventory.environment,
        "outcome": outcome,
        "release": made.identifier,
        "hosts": list(made.hosts),
        "seconds": project.reporter.seconds(),
        "steps": [asdict(step) for step in project.reporter.steps],
        "plan": plan_as_dict(made),
    }
