"""Everything that the checks will ask for, looked up ahead of them: all hosts at once, few messages each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from gateway.errors import GatewayError
from gateway.inventory.model import Inventory
from gateway.render import topology
from gateway.render.addresses import stores_of
from gateway.transport import snapshot
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import Conversations, need_all, on_all
from gateway.vault import Vault
from gateway.verify.backend import SYSTEM_COMMANDS, ConversationBackend, host_over
from gateway.verify.questions import Question
from gateway.verify.target import Port, Request, Target
from gateway.verify.traced import Trace, new_trace

Ahead = Callable[[Target], Iterable[Question | Request | Port | str]]


def targets_of(inventory: Inventory, vault: Vault, conversations: Conversations, names: Sequence[str]) -> list[Target]:
    """Return the named hosts with a fresh snapshot each. Raises what a host raised."""

    def target(name: str) -> Target:
        """Look at one host."""
        seen = snapshot.take(conversations[name], inventory.project)
        host = host_over(name, conversations[name])
        return Target(name, host, conversations[name], inventory.hosts[name], inventory, vault, seen)

    return _all(names, target)


def gather(targets: Sequence[Target], ahead: Mapping[str, Sequence[Ahead]], traced: bool) -> None:
    """Look up what the checks of every host name in their `ahead` functions, by host.

    With `traced` each edge gets its traced request. Raises what a host raised.
    """
    by_name = {target.name: target for target in targets}
    _all([target.name for target in targets], lambda name: _gather_one(by_name[name], ahead[name], traced))
    connected = {target.name: target for target in targets if target.has_release}
    for target in targets:
        if target.trace is not None:
            _find_stored(target.trace, target, connected)


def _gather_one(target: Target, ahead: Sequence[Ahead], traced: bool) -> None:
    items = [item for function in ahead for item in function(target)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        waiting = [pool.submit(target.reach, _only(Request, items), _only(Port, items))]
        if traced and target.settings.variables.verify.traced_request and target.door is not None:
            target.trace = new_trace(target.settings, target.vault)
            waiting.append(pool.submit(target.trace.send, target.door, target.vault))
        backend = target.host.backend
        assert isinstance(backend, ConversationBackend)  # noqa: S101 - made in targets_of
        backend.ahead([*SYSTEM_COMMANDS, *_only(str, items)])
        if target.has_release:
            target.look(_only(Question, items))
            if target.release.manifest["migrations"]:
                with suppress(AgentError):  # asked again, and told, by the check that needs it
                    target.missing_migrations  # noqa: B018 - remembered
        for one in waiting:
            one.result()


def _find_stored(trace: Trace, target: Target, connected: Mapping[str, Target]) -> None:
    """Let a host that reaches ClickHouse look for the row: the one that runs it, or one with jawn.

    Where `--limit` left all of them out, that is noted: nothing is wrong with the hosts that are verified.
    """
    inventory = target.inventory
    data = topology.data_host(inventory)
    settings = target.settings.variables.clickhouse
    order = {"mode": settings.mode, "url": settings.url, "user": settings.user}
    if settings.mode == "bundled" and data is not None and data.name in connected:
        asked = connected[data.name]
    else:
        apps = [one for one in (target, *connected.values()) if "jawn" in one.release.services]
        if not apps:
            trace.store_in_reach = False
            return
        asked = apps[0]
        order = {**order, "mode": "external", "url": stores_of(inventory, asked.settings).clickhouse}
    if trace.refused_by_gateway:
        return
    password = asked.password("clickhouse_password").reveal()

    def rows(sql: str) -> list[str]:
        """Ask ClickHouse through the host and return its lines."""
        answer = asked.conversation.request(
            "clickhouse", project=target.release.project, settings=order, password=password, sql=sql
        )
        lines: list[str] = answer["lines"]
        return lines

    try:
        trace.find_stored(rows)
    except (AgentError, GatewayError) as error:
        trace.store_problem = f"{asked.name}: {error}"


def _all(names: Sequence[str], work: Callable[[str], Any]) -> list[Any]:
    results, failures = on_all(names, work)
    if failures:
        need_all(failures)
    return [results[name] for name in names]


def _only(kind: type[Any], items: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(item for item in items if isinstance(item, kind)))
