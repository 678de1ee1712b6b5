"""`invoke backup`, `backups` and `drill`: sets of what the bundled stores hold, listed, made and tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gateway.commands.project import Project, owner, vault_path
from gateway.console import say, table
from gateway.errors import BackupError, ConfigurationError, GatewayError, VerificationError
from gateway.inventory.model import Host, Inventory
from gateway.plan.operations import Run
from gateway.render.topology import data_host
from gateway.rollout import take_leases
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import converse

_NOT_IN_THE_SET = "not in the set, because it is external and for whoever runs it: {}"


def backup(project: Project, as_json: bool) -> dict[str, Any]:
    """Make a set, read it back, and remove the sets that the policy does not keep; return what was made.

    Raises BackupError when the set is no good, ConfigurationError when it cannot even be begun.
    """
    with _on_data_host(project, "backup") as (run, host):
        made = take(run, host)
    result = {"environment": project.inventory.environment, "host": host.name, **made}
    if not as_json:
        size, added = made["bytes"] / 1e6, made["added"] / 1e6
        say(
            f"set {made['set']} is proven: {size:.1f} MB, {added:.1f} MB of it new, in {made['seconds']:.0f} s", "green"
        )
        if made["removed"]:
            say(f"removed by the policy: {', '.join(made['removed'])}")
        if made["not_in_the_set"]:
            say(_NOT_IN_THE_SET.format(", ".join(made["not_in_the_set"])), "yellow")
    return result


def take(run: Run, host: Host) -> dict[str, Any]:
    """Let the data host make a set under a lease that is held already, for verbs that need one first.

    Raises what `backup` raises.
    """
    try:
        keep_secrets(run, host)
        made: dict[str, Any] = run.ask(host.name, "backup", by=owner())
    except AgentError as error:
        environment = run.inventory.environment
        if error.kind == "configuration":
            raise _refusal(error, _see(environment)) from None
        raise BackupError(
            _told(error), where=f"{error.host}: {error.step}",
            unaffected="the proven sets of before, and what runs",
            next_step=f"mend it, then: invoke backup --env {environment}",
        ) from None  # fmt: skip
    return made


def keep_secrets(run: Run, host: Host) -> None:
    """Bring the secrets file, as it is encrypted, to the host that makes sets. Raises AgentError."""
    path = vault_path(run.inventory)
    if path.is_file():
        run.ask(host.name, "keep_secrets", payload=path.read_bytes())


def drill(project: Project, wanted: str, as_json: bool) -> dict[str, Any]:
    """Restore a set, the newest proven one without `wanted`, into scratch containers and compare it.

    Raises VerificationError when it does not hold what its manifest says.
    """
    with _on_data_host(project, "drill") as (run, host):
        try:
            done = run.ask(host.name, "drill", set=wanted or None, by=owner())
        except AgentError as error:
            environment = project.inventory.environment
            if error.kind == "configuration":
                raise _refusal(error, _see(environment)) from None
            if error.kind == "content":
                raise VerificationError(
                    _told(error), where=f"{error.host}: {error.step}",
                    unaffected="what runs; the set is marked bad and an older proven one takes its place",
                    next_step=f"invoke backup --env {environment}, then invoke drill --env {environment}",
                ) from None  # fmt: skip
            raise BackupError(
                _told(error), where=f"{error.host}: {error.step}", unaffected="what runs, and every set",
                next_step=f"mend it, then: invoke drill --env {environment}",
            ) from None  # fmt: skip
    if not as_json:
        say(
            f"set {done['set']} holds what its manifest says: {done['tables']} tables, {done['rows']} rows,"
            f" {done['objects']} objects, in {done['seconds']:.0f} s", "green",
        )  # fmt: skip
    return {"environment": project.inventory.environment, "host": host.name, **done}


def backups(project: Project, as_json: bool) -> dict[str, Any]:
    """Print the sets of the repository with their states, oldest first; return them as data."""
    inventory = project.inventory
    host = stores_host(inventory)
    with converse(host, inventory) as conversation:
        try:
            found = conversation.request("sets", elsewhere=None)
        except AgentError as error:
            first = f"the first set is made by: invoke backup --env {inventory.environment}; see docs/how-to/backups.md"
            raise _refusal(error, first) from None
    if not as_json:
        rows = [[one["id"], one["state"], one["project"], one["time"][:19]] for one in found["sets"]]
        table(f"sets in {found['repository']}", ["id", "state", "of", "made (UTC)"], rows)
    return {"environment": inventory.environment, "host": host.name, **found}


def stores_host(inventory: Inventory) -> Host:
    """Return the host whose stores are backed up. Raises ConfigurationError when there is none."""
    host = data_host(inventory)
    if host is None:
        raise ConfigurationError(
            "all stores are external: their own backups have to see to them", where="backup",
            unaffected="nothing was changed", next_step="see docs/how-to/backups.md, External stores",
        )  # fmt: skip
    return host


def _told(error: AgentError) -> str:
    return "\n".join([error.message, *[f"  | {line}" for line in error.logs]])


def _see(environment: str) -> str:
    return f"see docs/how-to/backups.md; what there is: invoke backups --env {environment}"


def _refusal(error: AgentError, next_step: str) -> GatewayError:
    return ConfigurationError(
        error.message, where=f"{error.host}: {error.step}", unaffected="nothing was changed", next_step=next_step
    )


@contextmanager
def _on_data_host(project: Project, command: str) -> Iterator[tuple[Run, Host]]:
    """Yield a run with the data host's lease, and that host."""
    inventory = project.inventory
    host = stores_host(inventory)
    with converse(host, inventory) as conversation:
        run = Run(inventory, project.vault, {host.name: conversation}, project.reporter)
        take_leases(run, owner(), command)
        yield run, host


def age_in_words(seconds: float) -> str:
    """Return an age as an operator says it."""
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def state_in_words(backups: Mapping[str, Any], *, docker_runs: bool = True) -> list[str]:
    """Return what a host's snapshot tells of its backups, for `status`: ages, failures, and who starts them."""
    log, lines = backups["log"], []
    if backups["restore_cut_off"] and not docker_runs:
        lines.append("a restore was cut off and may have failed: start Docker, then look again")
    elif backups["restore_cut_off"]:
        lines.append("a restore was cut off and has failed; restore again: it begins by putting the old data back")
    upgrade = backups["upgrade"]
    if upgrade:
        count = len(upgrade["applied"])
        lines.append(
            f"an upgrade was cut off and has failed, {count} of its migrations are applied: deploy it again, or bring"
            f" the data of before back: invoke restore --from {upgrade['set']}"
            if count
            else "an upgrade was cut off and has failed before any of its migrations was applied: deploy again"
        )
    if log is None:
        return [*lines, "no backup was made yet"] if backups["schedule"] else lines
    for kind in ("backup", "drill"):
        good, bad = log[kind], log[f"failed_{kind}"]
        lines.append(
            f"last good {kind} {age_in_words(good['age'])} ago ({good['set']})" if good else f"no good {kind} yet"
        )
        if bad:
            lines.append(f"the last {kind} failed {age_in_words(bad['age'])} ago: {bad['cause']}")
    if backups["schedule"] == "nothing":
        lines.append("scheduled backups do not run: there is neither systemd nor cron")
    return lines
