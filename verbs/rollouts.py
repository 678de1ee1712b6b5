"""`plan`, `deploy`, `rollback` and `verify`: what runs on the hosts, and whether it is well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from invoke.context import Context

from gateway.verb import confirm, project_of, verb

Settings = list[str]
_REPORT = "write how it went to this file (.html), also when it fails: timeline, changes, checks"


@verb()
def plan(
    context: Context,
    env: str = "",
    set_: Settings | None = None,
    limit: str = "",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Show what a deploy would change on each host, and change nothing."""
    from gateway.commands.deploy import plan

    return plan(project_of(env, set_, limit), as_json=json_)


@verb(report=_REPORT)
def deploy(
    context: Context,
    env: str = "",
    set_: Settings | None = None,
    limit: str = "",
    report: str = "",
    yes: bool = False,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Bring hosts to what the inventory says: plan, ask, apply, verify; undo everything if any of it fails."""
    from gateway.commands.deploy import deploy
    from gateway.report import report_path

    path = report_path(report)
    return deploy(project_of(env, set_, limit), lambda: confirm("Deploy this?", yes), json_, path)


@verb(
    to="the number of the release; without it the last good one before the current that nobody rolled back from",
    old_secrets="go back also to a release from before a rotation: the old values are valid again then",
    report=_REPORT,
)
def rollback(
    context: Context,
    env: str = "",
    to: str = "",
    limit: str = "",
    old_secrets: bool = False,
    report: str = "",
    yes: bool = False,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Go back to an earlier release, verified; data stays as it is."""
    from gateway.commands.rollback import rollback, wanted_number
    from gateway.report import report_path

    path, number = report_path(report), wanted_number(to)
    project = project_of(env, limit=limit).deployed()
    return rollback(project, number, lambda: confirm("Go back?", yes), json_, old_secrets, path)


@verb(junit="write the checks as JUnit XML to this file")
def verify(
    context: Context,
    env: str = "",
    limit: str = "",
    junit: str = "",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Check every host against its release, and prove the gateway with a traced request."""
    from gateway.commands.verify import verify

    return verify(project_of(env, limit=limit), Path(junit) if junit else None, as_json=json_)


TASKS = (plan, deploy, rollback, verify)
