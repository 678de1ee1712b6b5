"""The operator's verbs: words and flags only. What each does is in `gateway/commands/`.

Imports happen inside the tasks, so that `invoke --list` and completion answer at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.context import Context

from gateway.verb import confirm, project_of, verb
from lab.tasks import collection as lab
from verbs import accounts, backups, rollouts, secrets, sight

Settings = list[str]


@verb(
    watch="look again every three seconds until Ctrl-C",
    report="also make every check (no traced request), ask for the traffic, and write it all to this file (.html)",
)
def status(
    context: Context,
    env: str = "",
    limit: str = "",
    watch: bool = False,
    report: str = "",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Show hosts, releases, services and health in one table."""
    from gateway.commands.fleet_report import FleetReport
    from gateway.commands.status import status
    from gateway.commands.watch import watch as keep_looking
    from gateway.report import report_path

    path = report_path(report)
    project = project_of(env, limit=limit)
    if watch:
        return keep_looking(project.inventory, json_, path)
    return status(project.inventory, json_, FleetReport(project, path) if path else None)


@verb()
def history(context: Context, env: str = "", limit: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Show what was deployed when, by whom, and how it ended."""
    from gateway.commands.status import history

    return history(project_of(env, limit=limit).inventory, as_json=json_)


@verb(force="break a lease whose connection is stalled; a host that is being changed stays locked")
def unlock(
    context: Context,
    env: str = "",
    limit: str = "",
    force: bool = False,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Show whose command holds which host; leases end by themselves."""
    from gateway.commands.status import unlock

    return unlock(project_of(env, limit=limit).inventory, force, as_json=json_)


@verb(bundle="write what somebody who is to help needs to see to this file (.tar.gz), without any secret")
def doctor(
    context: Context,
    env: str = "",
    host: str = "",
    bundle: str = "",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Say what stands in the way of a deploy and what to type next; or collect a support bundle (--bundle FILE)."""
    from gateway.commands.doctor import bundle_path, chosen, doctor

    project = project_of(env)
    if not bundle:
        return doctor(project, host, as_json=json_)
    from gateway.commands.support_bundle import bundle as write

    return write(chosen(project.inventory, host), bundle_path(bundle), as_json=json_)


@verb(out="the folder to write to; one folder per host is made in it")
def render(
    context: Context,
    env: str = "",
    out: str = "rendered",
    set_: Settings | None = None,
    limit: str = "",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Write every host's files to a folder, without asking any host."""
    from gateway.commands.render import render

    return render(project_of(env, set_, limit), Path(out), as_json=json_)


@verb(explain="a variable: print its value, the file and line that set it, and what it overrides")
def inventory(
    context: Context,
    env: str = "",
    host: str = "",
    explain: str = "",
    set_: Settings | None = None,
    limit: str = "",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Show the hosts, or where a value comes from (--explain KEY)."""
    from gateway.commands.inventory import show

    return show(project_of(env, set_, limit).inventory, host, explain, as_json=json_)


@verb()
def welcome(context: Context, env: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Show the addresses, the first account and a ready-to-paste request. Prints the Helicone key."""
    from gateway.commands.welcome import welcome

    return welcome(project_of(env).inventory, as_json=json_)


@verb()
def reference(context: Context, json_: bool = False, debug: bool = False) -> Any:
    """Write docs/reference/ anew: commands, variables and secrets, from what the program itself reads."""
    from gateway.commands.project import ROOT
    from gateway.commands.reference import write_reference
    from verbs.topics import TOPICS

    return write_reference(ROOT, namespace, TOPICS, as_json=json_)


@verb()
def lock(context: Context, env: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Ask the registry for the digest of every image and write images.lock.yml."""
    from gateway.commands.images import lock

    return lock(project_of(env).inventory, as_json=json_)


@verb()
def trust(
    context: Context,
    env: str = "",
    host: str = "",
    yes: bool = False,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Show a host's SSH key and pin it in the inventory's known_hosts."""
    from gateway.commands.hosts import trust

    return trust(project_of(env).inventory, host, lambda question: confirm(question, yes), as_json=json_)


@verb(ref="the commit, tag or branch of Helicone's repository that you think of upgrading to")
def check(
    context: Context,
    env: str = "",
    ref: str = "",
    set_: Settings | None = None,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Show what changes between the pinned Helicone and another version, and what stands in the way (exit 7)."""
    from gateway.commands.project import ROOT
    from gateway.commands.upgrade import check

    return check(project_of(env, set_).inventory, ROOT, ref, as_json=json_)


@verb(out="write them to this file instead")
def authority(
    context: Context,
    env: str = "",
    limit: str = "",
    out: str = "",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Print the certificates that clients have to trust where edge.tls.mode is internal."""
    from gateway.commands.authority import authority

    return authority(project_of(env, limit=limit).inventory, Path(out) if out else None, as_json=json_)


namespace = Collection(status, history, unlock, doctor, render, inventory, welcome, reference)
for task in (*rollouts.TASKS, *backups.TASKS):
    namespace.add_task(task)
namespace.add_collection(secrets.collection)
namespace.add_collection(Collection("images", lock=lock))
namespace.add_collection(Collection("hosts", trust=trust))
namespace.add_collection(Collection("edge", authority=authority))
namespace.add_collection(Collection("upgrade", check=check))
namespace.add_collection(accounts.keys)
namespace.add_collection(accounts.users)
for name, task in sight.TASKS.items():
    namespace.add_task(task, name)
namespace.add_collection(lab)
