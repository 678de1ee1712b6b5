"""`invoke prune`: old releases and images go, and no rollback is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.commands.deploy import Confirm, refuse_moved
from gateway.commands.fleet_state import observe, observe_unlocked
from gateway.commands.project import Project, owner
from gateway.commands.rollback import choose
from gateway.console import say, table
from gateway.errors import ConfigurationError
from gateway.plan.history import kept_releases
from gateway.plan.operations import Run
from gateway.rollout import take_leases
from gateway.transport.fleet import connected, need_all, on_all


def prune(project: Project, confirm: Confirm, as_json: bool) -> dict[str, Any]:
    """Show which releases and images nobody goes back to, and remove them once confirmed; return them as data.

    What stays: the current release, the one that `invoke rollback` would take, and the `deploy.keep_releases` newest;
    every image that a release or a container on the host needs, and every image that was not pulled for this
    environment. Raises LockedError when a host is being changed, ConfigurationError when one changed meanwhile.
    """
    inventory = project.inventory
    with connected(inventory, need_all) as conversations:
        observed = observe_unlocked(inventory, conversations, project.reporter)
        orders = {name: _order(project, name, observed) for name in observed}
        found, failures = on_all(list(observed), lambda name: conversations[name].request("prunable", **orders[name]))
        if failures:
            need_all(failures)
        result = {"environment": inventory.environment, "hosts": found}
        if not as_json:
            _print(found)
        if not any(host["releases"] or host["images"] for host in found.values()):
            return {**result, "outcome": "nothing to remove"}
        if not confirm():
            return {**result, "outcome": "not confirmed"}
        run = Run(inventory, project.opened_vault, conversations, project.reporter)
        take_leases(run, owner(), "prune")
        refuse_moved(observed, observe(inventory, conversations))
        removed, failures = on_all(list(observed), lambda name: _remove(run, name, orders[name], found[name]))
        if failures:
            need_all(failures)
    return {**result, "removed": removed, "outcome": "removed"}


def _order(project: Project, name: str, observed: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many releases stay on a host, and which whatever their age."""
    try:
        target = [choose(observed, None, project.inventory.environment)]
    except ConfigurationError:  # there is none to go back to
        target = []
    keep = kept_releases(project.inventory.hosts[name].variables.deploy.keep_releases, observed[name])
    return {"keep": keep, "protected": [observed[name]["current"], *target]}


def _remove(run: Run, name: str, order: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    releases = run.ask(name, "prune", **order)["removed"]
    images = run.ask(name, "remove_images", images=[image["image"] for image in found["images"]])["removed"]
    run.reporter.line(name, f"removed {len(releases)} releases and {len(images)} images", "green")
    return {"releases": releases, "images": images}


def _print(found: Mapping[str, Mapping[str, Any]]) -> None:
    rows = [
        row
        for name, host in found.items()
        for row in (
            *([name, "release", release, ""] for release in host["releases"]),
            *([name, "image", one["image"].partition("@")[0], f"{one['bytes'] >> 20} MB"] for one in host["images"]),
        )
    ]
    if rows:
        table("", ["host", "what", "name", "at most"], rows)
    else:
        say("nothing to remove", "green")
