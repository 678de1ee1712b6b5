"""`invoke status --report FILE`: the fleet on one page, with its checks and its traffic."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.commands.backup import state_in_words
from gateway.commands.project import Project
from gateway.commands.rollout_report import TIME, own_secrets
from gateway.commands.secret_ages import by_age, to_do
from gateway.commands.status import certificate_in_words, recording_in_words
from gateway.commands.stores import Stores, clickhouse_host
from gateway.commands.support_bundle import redactor
from gateway.commands.usage import KEY, MODEL, NO_MODEL, hourly, titled, traffic
from gateway.console import say
from gateway.errors import ConfigurationError, GatewayError
from gateway.report import write_page
from gateway.report.latencies import HOUR, drawings
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import Conversations
from gateway.verify import verify_hosts
from gateway.verify.release_view import seen_release

HOURS = 24
MOST_DRAWINGS = 6


@dataclass
class FleetReport:
    """What is asked of the hosts beyond what `status` asks, and the page that is made of both."""

    project: Project
    path: Path
    checks: dict[str, Any] | None = None
    checks_problem: str = ""
    traffic: dict[str, Any] | None = None
    traffic_problem: str = ""
    secrets: set[str] = field(default_factory=set)

    def ask(self, conversations: Conversations, observed: Mapping[str, Any]) -> None:
        """Make every check but the traced requests on the hosts that answered, and ask for the traffic.

        What cannot be asked is part of the picture, and noted with its reason.
        """
        for seen in observed.values():
            if seen["manifest"]:
                self.secrets |= {secret.reveal() for secret in seen_release(seen).secrets}
        try:
            vault = self.project.opened_vault
            found = verify_hosts(self.project.inventory, vault, conversations, list(observed), traced=False)
            self.checks = found.to_dict()
        except (GatewayError, AgentError) as error:
            self.checks_problem = _cause(error)
        try:
            self._ask_traffic(conversations, observed)
        except (GatewayError, AgentError) as error:
            self.traffic_problem = _cause(error)

    def _ask_traffic(self, conversations: Conversations, observed: Mapping[str, Any]) -> None:
        inventory = self.project.inventory
        name = clickhouse_host(inventory).name
        if name not in observed:
            self.traffic_problem = f"{name}, through which ClickHouse is asked, did not answer or was left out"
            return
        stores = Stores(inventory, self.project.opened_vault, conversations)
        found, problem = traffic(stores, HOURS * HOUR)
        by_hour = {group: hourly(stores, group, HOURS * HOUR) for group in (MODEL, KEY)}
        self.traffic = {**found, "by_hour": by_hour, "problem": problem}

    def write(self, result: Mapping[str, Any], as_json: bool) -> None:
        """Write the page, and say where it is. Raises ConfigurationError if it cannot be written."""
        environment = self.project.inventory.environment
        page = {
            **self._data(result), "title": f"Fleet of {environment}", "hours": HOURS,
            "when": datetime.now().astimezone().strftime(TIME), "zone": f"{datetime.now().astimezone():%Z}",
            "made_by": f"invoke status --env {environment} --report {self.path.name}",
        }  # fmt: skip
        write_page(self.path, "fleet.html.j2", page, redactor({*self.secrets, *own_secrets(self.project)}))
        if not as_json:
            say(f"the report is in {self.path}")

    def _data(self, result: Mapping[str, Any]) -> dict[str, Any]:
        hosts: Mapping[str, Any] = result["hosts"]
        answered = {name: host for name, host in hosts.items() if host["state"] != "unreachable"}
        sentences, fine = self._sentences(hosts)
        return {
            "sentences": sentences, "mood": "good" if fine else "bad",
            "hosts": [self._host(name, host) for name, host in hosts.items()],
            "checks": self.checks, "checks_problem": self.checks_problem,
            "recording": [_recording(name, host) for name, host in answered.items() if host["recorder"]],
            "backups": [
                {"name": name, "text": line, "bad": "fail" in line or "do not run" in line}
                for name, host in answered.items()
                for line in state_in_words(host["backups"], docker_runs=bool(host["engine"]))
            ],
            "secrets": _secrets(self.project.inventory.environment, result["secrets"]),
            "traffic": self.traffic and _traffic(self.traffic), "traffic_problem": self.traffic_problem,
        }  # fmt: skip

    def _sentences(self, hosts: Mapping[str, Any]) -> tuple[list[str], bool]:
        """Return what there is to say in three lines, and whether all of it is good."""
        well = [name for name, host in hosts.items() if host["state"] == "ok"]
        lines = [f"{len(well)} of {len(hosts)} hosts are well."]
        failed = len(self.checks["failures"]) if self.checks else 0
        if self.checks:
            lines.append(f"{self.checks['passed']:,} of {self.checks['total']:,} checks hold.")
        waiting = [
            (name, host["recorder"]["waiting"])
            for name, host in hosts.items() if host.get("recorder") and host["recorder"]["waiting"]
        ]  # fmt: skip
        if any(host.get("recorder") for host in hosts.values()):
            parts = ", ".join(f"{count:,} records wait on {name}" for name, count in waiting)
            lines.append(f"{parts or 'Every record is in Helicone'}.")
        return lines, len(well) == len(hosts) and bool(self.checks) and not failed

    def _host(self, name: str, host: Mapping[str, Any]) -> dict[str, Any]:
        settings = self.project.inventory.hosts[name]
        shown: dict[str, Any] = {"name": name, "address": settings.address, "roles": settings.roles, "cause": ""}
        if host["state"] == "unreachable":
            return {
                **shown, "state": "unreachable", "release": "", "services": {}, "disk": "", "cause": host["cause"],
            }  # fmt: skip
        return {
            **shown, "state": host["state"], "release": host["release"] or "none",
            "services": dict(sorted(host["services"].items())), "disk": f"{host['disk_free'] / (1 << 30):.0f} GB",
        }  # fmt: skip


def _recording(name: str, host: Mapping[str, Any]) -> dict[str, Any]:
    words = recording_in_words(host["recorder"])
    certificate = certificate_in_words(host["certificate_days"])
    return {"name": name, "words": words, "behind": host["recorder"]["waiting"] > 0, "certificate": certificate or "-"}


def _secrets(environment: str, found: dict[str, Any]) -> dict[str, Any]:
    if "problem" in found:
        return {"problem": found["problem"], "groups": [], "to_do": []}
    return {"problem": "", "groups": by_age(found), "to_do": to_do(environment, found)}


def _traffic(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traffic as the page shows it: tables, and drawings of those with the most requests."""
    named = {
        "model": [{**one, "id": one["name"], "title": one["name"] or NO_MODEL} for one in found["models"]],
        "key": [{**one, "id": one["fingerprint"], "title": titled(one)} for one in found["keys"]],
    }
    series = [
        {one["id"]: found["by_hour"][group].get(one["id"], []) for one in named[kind][:MOST_DRAWINGS]}
        for kind, group in (("model", MODEL), ("key", KEY))
    ]
    drawn = drawings(series, time.time(), HOURS)
    return {
        "total": found["total"], "problem": found["problem"],
        "figures": {kind: {one["id"]: one for one in rows} for kind, rows in named.items()},
        "kinds": [
            [kind, rows, drawn[place], max(len(rows) - MOST_DRAWINGS, 0)]
            for place, (kind, rows) in enumerate(named.items())
        ],
    }  # fmt: skip


def _cause(error: Exception) -> str:
    return error.message if isinstance(error, ConfigurationError) else str(error)
