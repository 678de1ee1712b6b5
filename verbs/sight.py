"""`usage`, `logs`, `exec`, `drift`, `halt` and `prune`: seeing what happens, and what should not be or go on."""

from __future__ import annotations

import sys
from typing import Any

from invoke.context import Context

from gateway.verb import Ended, confirm, offer, project_of, verb


@verb(since="how far back, such as 30m, 24h or 7d")
def usage(context: Context, env: str = "", since: str = "24h", json_: bool = False, debug: bool = False) -> Any:
    """Show requests, errors, tokens, cost and latencies by model and by key, from Helicone's own store."""
    from gateway.commands.usage import usage

    return usage(project_of(env), since, as_json=json_)


@verb(
    service="only these services, separated by commas; without it all",
    since="how far back, such as 10m, 24h or 7d",
    grep="only lines that this regular expression is found in; (?i) before it ignores case",
    lines="how many lines at most",
    follow="go on with what comes, until Ctrl-C",
)
def logs(
    context: Context,
    env: str = "",
    service: str = "",
    since: str = "1h",
    grep: str = "",
    lines: str = "200",
    follow: bool = False,
    limit: str = "",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Show what the containers of all hosts print, merged by time; secrets are hidden."""
    from gateway.commands.logs import logs

    return logs(project_of(env, limit=limit), service, since, grep, lines, follow, as_json=json_)


@verb(
    service="the service whose container runs it",
    host="the host, where the service runs on several",
    command="a line for the container's shell, instead of words after `--`",
)
def execute(
    context: Context,
    service: str,
    env: str = "",
    host: str = "",
    command: str = "",
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Run a command in a service's container: invoke exec jawn --env E --host H -- COMMAND; its exit code is ours."""
    from gateway.commands.execute import chosen_words, execute

    words = chosen_words(command, words_after_dashes(sys.argv))
    result = execute(project_of(env), service, host, words, as_json=json_)
    return Ended(result, result["code"])


@verb()
def drift(context: Context, env: str = "", limit: str = "", json_: bool = False, debug: bool = False) -> Any:
    """Show what on the hosts differs from their release: edited files, other containers. Exit code 7 if anything."""
    from gateway.commands.drift import drift

    return drift(project_of(env, limit=limit).inventory, as_json=json_)


@verb(service="the services, separated by commas")
def halt(
    context: Context,
    env: str = "",
    service: str = "",
    limit: str = "",
    yes: bool = False,
    json_: bool = False,
    debug: bool = False,
) -> Any:
    """Stop services, for repairs; the next deploy starts them again."""
    from gateway.commands.halt import halt

    return halt(project_of(env, limit=limit), service, lambda: confirm("Stop these?", yes), as_json=json_)


@verb()
def prune(context: Context, env: str = "", yes: bool = False, json_: bool = False, debug: bool = False) -> Any:
    """Show, then remove, old releases and images that no rollback needs; nothing of other projects is touched."""
    from gateway.commands.prune import prune

    return prune(project_of(env), lambda: offer("Remove these?", yes), as_json=json_)


def words_after_dashes(arguments: list[str]) -> list[str]:
    """Return what follows `--` on the command line: Invoke leaves that alone."""
    return arguments[arguments.index("--") + 1 :] if "--" in arguments else []


TASKS = {"usage": usage, "logs": logs, "exec": execute, "drift": drift, "halt": halt, "prune": prune}
