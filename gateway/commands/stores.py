"""Asking the stores of an environment, each through a host that reaches it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from gateway.commands.project import Project
from gateway.errors import UnreachableError
from gateway.inventory.model import Host, Inventory
from gateway.plan.build import database_host
from gateway.release import postgres_settings
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import Conversations, connected, need_all
from gateway.vault import Vault

Row = dict[str, Any]


@dataclass(frozen=True)
class Stores:
    """PostgreSQL and ClickHouse over conversations that are open; see `open_stores`."""

    inventory: Inventory
    vault: Vault
    conversations: Conversations

    def postgres(self, select: str) -> list[Row]:
        """Return the rows of one statement that returns rows. Raises UnreachableError with the store's reason.

        A statement that changes something has `returning`: it is wrapped as a common table expression.
        """
        name = database_host(self.inventory)
        lines = self._ask(
            name, "PostgreSQL", "postgres", postgres=postgres_settings(self.inventory.hosts[name]),
            password=self.vault["postgres_password"].reveal(),
            sql=f"with found as ({select}) select row_to_json(found) from found;",
        )  # fmt: skip
        return [json.loads(line) for line in lines]

    def clickhouse(self, select: str) -> list[Row]:
        """Return the rows of one SELECT. Raises UnreachableError with the store's reason."""
        host = clickhouse_host(self.inventory)
        settings = host.variables.clickhouse
        lines = self._ask(
            host.name, "ClickHouse", "clickhouse",
            settings={"mode": settings.mode, "url": settings.url, "user": settings.user},
            password=self.vault["clickhouse_password"].reveal(), sql=f"{select} FORMAT JSONEachRow",
        )  # fmt: skip
        return [json.loads(line) for line in lines]

    def _ask(self, host: str, store: str, verb: str, **arguments: Any) -> list[str]:
        try:
            answer = self.conversations[host].request(verb, project=self.inventory.project, **arguments)
        except AgentError as error:
            raise UnreachableError(
                f"{store} cannot be asked: {error.message}", where=f"{host}: {error.step}",
                next_step=f"invoke status --env {self.inventory.environment}",
            ) from None  # fmt: skip
        lines: list[str] = answer["lines"]
        return lines


@contextmanager
def open_stores(project: Project, also: Sequence[str] = ()) -> Iterator[Stores]:
    """Yield the stores, connected to the hosts that reach them and to those of `also`, and no others.

    Raises UnreachableError when one of these hosts does not answer.
    """
    inventory = project.inventory
    names = dict.fromkeys([database_host(inventory), clickhouse_host(inventory).name, *also])
    with connected(replace(inventory, selected=tuple(names)), need_all) as conversations:
        yield Stores(inventory, project.opened_vault, conversations)


def clickhouse_host(inventory: Inventory) -> Host:
    """Return the host through which ClickHouse is asked: the one that has it, or an app host for an external one."""
    hosts = list(inventory.hosts.values())
    bundled = [host for host in hosts if "data" in host.roles and host.variables.clickhouse.mode == "bundled"]
    return next(iter(bundled or [host for host in hosts if "app" in host.roles] or hosts))


def literal(text: str) -> str:
    """Return a text as a literal of PostgreSQL's SQL, whatever `standard_conforming_strings` says there."""
    return "E'" + text.replace("\0", "").replace("\\", "\\\\").replace("'", "''") + "'"
