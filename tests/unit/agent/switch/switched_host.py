"""A host without Docker that is switched: what would be done to it is written down."""

from __future__ import annotations

from gateway.agent import switch as module
from gateway.agent.switch import switch
from tests.unit.situations import service

PROJECT = "helicone-trial"
SECRETS = {"postgres": "pg", "clickhouse": "ch", "clickhouse_hql": "hql", "gateway_stores": "gs"}
SERVICES = [
    service("edge", "edge"), service("jawn"), service("db", "data"), service("migrations", "migrations", one_shot=True)
]  # fmt: skip


class Host:
    """A host without Docker: what would be done to it is written down; `broken` says what fails where."""

    def __init__(self, store, monkeypatch):
        self.store = store
        self.done = []
        self.broken = {}
        for name in ("up", "remove", "free_ports", "down"):
            monkeypatch.setattr(module.compose, name, self.action(name))
        monkeypatch.setattr(module.removal, "remove_others", self.action("remove_others"))
        for name in ("wait_until_ready", "wait_until_healthy", "settle"):
            monkeypatch.setattr(module.health, name, self.action(name))
        monkeypatch.setattr(module.health, "wait_until_taken_up", lambda *_: None)
        monkeypatch.setattr(module.logins, "accept", lambda _, values: self.done.append(("accept", values["PORT"])))

    def action(self, name):
        def act(*arguments):
            lists = [argument for argument in arguments if isinstance(argument, list)]
            self.done.append((name, self.store.current(), *lists))
            error = self.broken.get((name, self.store.current()))
            if error:
                raise error

        return act

    def switch(self, identifier, **more):
        request = {"project": PROJECT, "release": identifier, "secrets": SECRETS, **more}
        return switch(self.store, request, lambda **_: None)

    def started(self):
        return [entry[1:] for entry in self.done if entry[0] == "up"]

    def journal(self):
        return [(entry["step"], entry["release"]) for entry in self.store.lines("journal")]
