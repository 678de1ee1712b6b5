"""`invoke exec`: one command inside the container of a service."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.commands.fleet_state import observe
from gateway.commands.logs import hider
from gateway.commands.project import Project
from gateway.commands.services import chosen_services, services_on
from gateway.errors import ConfigurationError, UnreachableError
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import connected, need_all
from gateway.wording import printable


def execute(project: Project, service: str, host: str, words: list[str], as_json: bool) -> dict[str, Any]:
    """Run `words` in the container of a service, print what they print without secrets, and return how they ended.

    Without a `host` it is the only one that runs the service. Raises ConfigurationError for a service or a host that
    is not there, or no command; UnreachableError when a host does not answer or the container does not run.
    """
    inventory = project.inventory
    if host and host not in inventory.hosts:
        raise ConfigurationError(
            f"there is no host `{printable(host)}`", where="--host", next_step="one of: " + ", ".join(inventory.hosts)
        )
    if not words:
        raise ConfigurationError(
            "no command was given", where="exec",
            next_step=f"invoke exec {printable(service)} --env {inventory.environment} -- COMMAND",
        )  # fmt: skip
    secret = hider(project)
    printed: dict[str, list[str]] = {"stdout": [], "stderr": []}

    def output(message: Mapping[str, Any]) -> None:
        """Keep what the command prints, and show it as it comes, without secrets."""
        text = secret(message["text"])
        printed[message["stream"]].append(text)
        if not as_json:
            stream = sys.stdout if message["stream"] == "stdout" else sys.stderr
            stream.write(text)
            stream.flush()

    asked = replace(inventory, selected=(host,)) if host else inventory
    with connected(asked, need_all) as conversations:
        observed = observe(inventory, conversations)
        name = _one_service(service, observed, host or "exec")
        chosen = host or _only_host(name, observed)
        try:
            ended = conversations[chosen].request(
                "execute", output, project=inventory.project, service=name, words=words
            )
        except AgentError as error:
            raise UnreachableError(
                error.message, where=f"{chosen}: {error.step}", unaffected="nothing was run",
                next_step=f"invoke status --env {inventory.environment}",
            ) from None  # fmt: skip
    texts = {stream: "".join(lines) for stream, lines in printed.items()}
    return {"environment": inventory.environment, "host": chosen, "service": name, "code": ended["code"], **texts}


def chosen_words(line: str, words: list[str]) -> list[str]:
    """Return what is to be run: a `line` for the container's shell, or `words` as they stand.

    Raises ConfigurationError for both: only one of them would be run.
    """
    if line and words:
        raise ConfigurationError(
            "--command and the words after `--` are two commands", where="exec", unaffected="nothing was run",
            next_step="leave one of the two out",
        )  # fmt: skip
    return ["/bin/sh", "-c", line] if line else words


def _only_host(service: str, observed: Mapping[str, Mapping[str, Any]]) -> str:
    running = [name for name, seen in observed.items() if service in services_on(seen)]
    if len(running) > 1:
        raise ConfigurationError(
            f"{service} runs on more than one host", where="exec",
            next_step="add --host with one of: " + ", ".join(running),
        )  # fmt: skip
    return running[0]


def _one_service(text: str, observed: Mapping[str, Mapping[str, Any]], where: str) -> str:
    names = chosen_services(text, observed, where)
    if len(names) != 1:
        known = sorted({name for seen in observed.values() for name in services_on(seen)})
        raise ConfigurationError("one service has to be named", where=where, next_step=f"one of: {', '.join(known)}")
    return names[0]
