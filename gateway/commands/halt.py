"""`invoke halt`: services stand still until a deploy starts them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.commands.fleet_state import observe_unlocked
from gateway.commands.project import Project, owner
from gateway.commands.services import chosen_services
from gateway.console import say, table
from gateway.errors import ConfigurationError
from gateway.plan.operations import Run
from gateway.rollout import take_leases
from gateway.transport.fleet import connected, need_all, on_all

Confirm = Callable[[], bool]


def halt(project: Project, services: str, confirm: Confirm, as_json: bool) -> dict[str, Any]:
    """Stop the named services (separated by commas) on the selected hosts, each in its own time; return which ran.

    Raises ConfigurationError when none is named, or one that no host knows; LockedError when a host is being changed.
    """
    inventory = project.inventory
    if not services.strip(" ,"):
        raise ConfigurationError(
            "no service was named", where="--service", unaffected="nothing was stopped",
            next_step=f"invoke status --env {inventory.environment} shows them",
        )  # fmt: skip
    with connected(inventory, need_all) as conversations:
        observed = observe_unlocked(inventory, conversations, project.reporter)
        names = chosen_services(services, observed, "--service")
        running = {
            host: [one["service"] for one in seen["containers"]
                   if one["service"] in names and one["state"] == "running"]
            for host, seen in observed.items()
        }  # fmt: skip
        running = {host: found for host, found in running.items() if found}
        result = {"environment": inventory.environment, "services": names, "stopped": running}
        if not running:
            say("nothing of these runs", to_errors=as_json)
            return {**result, "outcome": "no changes"}
        if not as_json:
            table("", ["host", "stop"], [[host, ", ".join(found)] for host, found in running.items()])
        if not confirm():
            return {**result, "stopped": {}, "outcome": "not confirmed"}
        run = Run(inventory, project.opened_vault, conversations, project.reporter)
        take_leases(run, owner(), "halt")
        with project.reporter.step("", f"stop {', '.join(names)} on {', '.join(running)}"):
            ask = lambda host: run.ask(host, "halt", project=inventory.project, services=names)  # noqa: E731
            failures = on_all(list(running), ask)[1]
        if failures:
            need_all(failures)
    if not as_json:
        say(f"stopped; to start them again: invoke deploy --env {inventory.environment}", "green")
    return {**result, "outcome": "stopped"}
