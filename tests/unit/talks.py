"""Hosts that answer requests as a test says, and a project whose hosts they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.project import Project
from gateway.console import Reporter
from gateway.errors import UnreachableError
from gateway.secret import Secret
from gateway.vault import Vault
from tests.unit.situations import load

OWN_KEY = "sk-helicone-aaaaaa1-aaaaaa2-aaaaaa3-aaaaaa4"
SECRETS = {
    "postgres_password": "the-postgres-password", "clickhouse_password": "the-clickhouse-password",
    "helicone_api_key": OWN_KEY,
}  # fmt: skip


@dataclass
class Talk:
    """One host's conversation: `answers` by verb are data, an exception, or a function of the request's arguments."""

    answers: dict[str, Any]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    closed: bool = False

    def request(
        self, verb: str, on_event: Callable[..., None] | None = None, payload: bytes = b"", **arguments: Any
    ) -> Any:
        """Answer, with events first if the answer is a function that takes them."""
        self.asked.append((verb, arguments))
        answer = self.answers[verb]
        if callable(answer):
            answer = answer(on_event, **arguments)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        """Note that the conversation is over."""
        self.closed = True

    def statements(self, verb: str) -> list[str]:
        """Return the SQL that a store was asked with this verb."""
        return [arguments["sql"] for found, arguments in self.asked if found == verb]


def project(
    folder: Path, monkeypatch: pytest.MonkeyPatch, talks: Mapping[str, Talk], limit: str | None = None
) -> Project:
    """Return a project whose hosts answer as `talks` say; a host that has none cannot be reached."""

    def converse(host: Any, _: Any) -> Any:
        if host.name not in talks:
            raise UnreachableError("no connection: timed out", where=f"{host.name}: connect")
        return talks[host.name]

    monkeypatch.setattr("gateway.transport.fleet.converse", converse)
    vault = Vault({name: Secret(text) for name, text in SECRETS.items()})
    made = Project(load(folder, limit=limit), Reporter(quiet=True))
    made.__dict__["opened_vault"] = vault  # as the cached property would
    return made
