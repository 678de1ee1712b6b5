"""Three hosts without a connection, for what decides about them."""

from __future__ import annotations

import threading

from gateway.console import Reporter
from gateway.plan.build import Phase, Plan, build_deploy
from gateway.plan.operations import Run
from gateway.secret import Secret
from gateway.transport.conversation import AgentError
from gateway.vault import Vault
from tests.unit.situations import PROJECT, bare, entry, release

VAULT = Vault({
    name: Secret(name)
    for name in (
        "postgres_password", "clickhouse_password", "clickhouse_hql_password", "gateway_stores_password",
        "admin_password", "helicone_api_key",
    )
})  # fmt: skip
OLD = {"app1": "1-old", "app2": "1-old", "data1": "1-old"}
FIRST = dict.fromkeys(OLD)  # before a first deploy


class Fleet:
    """Three hosts that answer as `answers` says: by host, verb and release, or verb alone; each request is noted."""

    def __init__(self, inventory):
        self.asked = []
        self.answers = {}
        self.lock = threading.Lock()
        self.run = Run(inventory, VAULT, {name: Host(self, name) for name in OLD}, Reporter(quiet=True))
        seen = {**bare(), "history": [entry("1-old", "good")]}  # so that no account is to be made
        made = build_deploy(inventory, dict.fromkeys(OLD, release()), dict.fromkeys(OLD, seen), PROJECT, b"k")
        self.plan = Plan("2-new", made.hosts, made.preparing, tuple(self.renamed(phase) for phase in made.touching))

    def renamed(self, phase):
        if phase.title != "switch":
            return phase
        return Phase("switch", tuple(
            tuple(type(one)(one.host, "2-new", one.changes, one.settle_seconds) for one in wave) for wave in phase.waves
        ))  # fmt: skip

    def switched(self):
        return [(host, release) for host, verb, release in self.asked if verb in ("switch", "retire")]


class Host:
    """A fake conversation."""

    def __init__(self, fleet, name):
        self.fleet = fleet
        self.name = name

    def request(self, verb, on_event=None, payload=b"", **arguments):
        release = arguments.get("release")
        with self.fleet.lock:
            self.fleet.asked.append((self.name, verb, release))
        answer = self.fleet.answers.get((self.name, verb, release), self.fleet.answers.get((self.name, verb)))
        if callable(answer):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer
        return answer or {}

    def keep_lease(self, seconds):
        self.fleet.asked.append((self.name, "keep_lease", seconds))


def failed(host, kind="failed", logs=()):
    """Return the error of a host whose service does not start."""
    error = {"step": "start jawn", "message": "jawn exited", "kind": kind, "logs": list(logs)}
    return AgentError(host, error)


def good(_):
    """Find nothing wrong, as the gate of a good deploy."""
    return []
