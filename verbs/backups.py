"""`backup`, `backups`, `drill` and `restore`: copies of what the stores hold, and the way back."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from gateway.verb import confirm, project_of, verb


@verb()
def backup(context: Context, env: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Save the bundled stores and secrets as one encrypted set, and read it back; nothing is stopped for it."""
    from gateway.commands.backup import backup

    return backup(project_of(env).deployed(), as_json=json_)


@verb()
def backups(context: Context, env: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Show the sets in the repository: their ids, and which are proven or bad."""
    from gateway.commands.backup import backups

    return backups(project_of(env), as_json=json_)


@verb(from_="the id of the set; without it the newest proven one")
def drill(context: Context, env: str = "", from_: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Restore a set into scratch containers beside the live stores, and compare it with its manifest."""
    from gateway.commands.backup import drill

    return drill(project_of(env).deployed(), from_, as_json=json_)


@verb(
    from_="the id of the set, as `invoke backups` shows it",
    source="the environment whose repository has the set; without it this one's own",
)
def restore(
    context: Context,
    env: str = "",
    from_: str = "",
    source: str = "",
    yes: bool = False,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Put a set in the place of all that the stores hold; the old data comes back if anything goes wrong."""
    from gateway.commands.restore import restore

    confirmed = lambda: confirm("Replace all data with this set?", yes)  # noqa: E731
    return restore(project_of(env).deployed(), from_, source, confirmed, as_json=json_)


TASKS = (backup, backups, drill, restore)
