"""A host as its checks see it: the release, testinfra's host, and what was looked up ahead of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from testinfra.host import Host as TestinfraHost

from gateway.inventory.model import Host, Inventory
from gateway.secret import Secret
from gateway.secret_names import KNOWN_DEFAULTS
from gateway.variables import Ports
from gateway.vault import Vault
from gateway.verify import outside
from gateway.verify.backend import Runner
from gateway.verify.doors import Door, door_of
from gateway.verify.onhost_bundle import look_command
from gateway.verify.questions import Question
from gateway.verify.release_view import ReleaseView, seen_release
from gateway.verify.traced import Trace

NOTHING_SEEN: Mapping[str, Any] = MappingProxyType(
    {"problem": "", "containers": (), "others": (), "listeners": (), "answers": ()}
)
# Where the stores, jawn and the egress listen inside their containers, and where Helicone's own compose file
# publishes the stores. Not 3000 and the like: other programs of a host use those.
_INNER_PORTS = (5432, 8123, 8585, 9000, 9101, 9102, 18123, 19000, 54388)


def inner_ports(ports: Ports) -> list[int]:
    """Return every port that something behind the edge could be reached at, meant or not."""
    return sorted({*_INNER_PORTS, ports.jawn, ports.web, ports.postgres, ports.clickhouse, ports.object_store})


@dataclass(frozen=True)
class Request:
    """A request from this process to the host's edge; `door` is `gateway` or `ui`.

    With `key` it carries the environment's Helicone key in the header named, as `Bearer`.
    """

    door: str
    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    key: str = ""


@dataclass(frozen=True)
class Port:
    """A TCP port of the host as this process reaches it."""

    address: str
    number: int

    def __str__(self) -> str:
        return f"{self.address}:{self.number}"


@dataclass(eq=False)
class Target:
    """One host under verification.

    `host` is testinfra's; `settings` the inventory's. `snapshot` comes from the agent.
    `sight` is what `onhost.program` saw; `answers`, `responses` and `open_ports` what was asked, by question.
    `deploying` is for how many seconds a deploy that waits for the outcome has been at work, None without one.
    """

    name: str
    host: TestinfraHost
    conversation: Runner = field(repr=False)
    settings: Host
    inventory: Inventory = field(repr=False)
    vault: Vault = field(repr=False)
    snapshot: Mapping[str, Any] = field(repr=False)
    sight: Mapping[str, Any] = field(default_factory=lambda: NOTHING_SEEN, repr=False)
    answers: dict[Question, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    responses: dict[Request, outside.Answer] = field(default_factory=dict, repr=False)
    open_ports: dict[Port, bool] = field(default_factory=dict, repr=False)
    trace: Trace | None = None
    deploying: float | None = None

    @property
    def has_release(self) -> bool:
        """Tell whether the host has a current release with a readable manifest."""
        return self.snapshot["manifest"] is not None

    @cached_property
    def release(self) -> ReleaseView:
        """The host's current release; only for hosts that have one."""
        return seen_release(self.snapshot)

    @property
    def watched_ports(self) -> list[int]:
        """Return the ports on which nothing may listen but what the release publishes."""
        published = {port for _, port in self.release.published}
        return sorted({*inner_ports(self.settings.variables.ports), *published})

    @property
    def folder(self) -> str:
        """Return the environment's folder on the host."""
        return f"{self.settings.variables.directory}/{self.inventory.environment}"

    @property
    def door(self) -> Door | None:
        """Return the URLs of the host's edge, None for a host without one."""
        return door_of(self.settings, self.release, self.snapshot["edge"]["authority"]) if self.has_release else None

    @cached_property
    def containers(self) -> Mapping[str, Mapping[str, Any]]:
        """The project's containers as `onhost.containers.describe` gives them, by service."""
        return {container["service"]: container for container in self.sight["containers"]}

    def container(self, service: str) -> Mapping[str, Any]:
        """Return the container of a service. Raises AssertionError with a sentence if there is none."""
        if self.sight["problem"]:
            raise AssertionError(f"{self.name}: {self.sight['problem']}")
        if service not in self.containers:
            raise AssertionError(f"{self.name}: there is no container of {service}")
        return self.containers[service]

    def ask(self, question: Question, complaint: str) -> Mapping[str, Any]:
        """Return the answer to a question to a service.

        Raises AssertionError if there is none: the `complaint` (`ClickHouse does not answer`) and why.
        """
        if question not in self.answers and not self.sight["problem"]:
            self.look([question])
        answer = self.answers.get(question) or {"problem": self.sight["problem"]}
        if answer.get("problem"):
            raise AssertionError(f"{self.name}: {complaint}: {answer['problem']}")
        return answer

    def fetch(self, request: Request) -> outside.Answer:
        """Return the edge's answer to a request from this process."""
        if request not in self.responses:
            self.responses[request] = self._send(request)
        return self.responses[request]

    def accepts(self, port: Port) -> bool:
        """Tell whether a port accepts connections from this process."""
        if port not in self.open_ports:
            self.open_ports[port] = outside.is_open(port.address, port.number)
        return self.open_ports[port]

    @cached_property
    def missing_migrations(self) -> Mapping[str, list[str]]:
        """The migrations that the ledgers lack, by store; only for the host that migrates.

        Raises AgentError when a ledger cannot be read.
        """
        secrets = {name: self.password(f"{name}_password").reveal() for name in ("postgres", "clickhouse")}
        missing: Mapping[str, list[str]] = self.conversation.request(
            "missing_migrations",
            project=self.release.project,
            migrations=self.release.manifest["migrations"],
            secrets=secrets,
        )
        return missing

    def password(self, name: str) -> Secret:
        """Return a store's password as the host's own release has it: the vault may be ahead of what runs."""
        return self.release.secret(name.upper()) or self.vault[name]

    def look(self, questions: list[Question]) -> None:
        """Look at the host and ask `questions`, in one message: fills `sight` and `answers`."""
        relevant = [question for question in questions if question.service in self.release.services]
        command = look_command({
            "project": self.release.project,
            "defaults": sorted(KNOWN_DEFAULTS),
            "ports": self.watched_ports,
            "published": sorted(self.release.published),
            "questions": [question.data for question in relevant],
        })  # fmt: skip
        done = self.host.run(command)
        if done.rc:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            self.sight = {**NOTHING_SEEN, "problem": f"the look at the host failed: {lines[-1]}"}
            return
        self.sight = json.loads(done.stdout)
        self.answers.update(zip(relevant, self.sight["answers"], strict=False))

    def reach(self, requests: list[Request], ports: list[Port]) -> None:
        """Send the requests and try the ports, all at once."""
        with ThreadPoolExecutor(max_workers=max(1, min(16, len(requests) + len(ports)))) as pool:
            list(pool.map(self.fetch, requests))
            list(pool.map(self.accepts, ports))

    def _send(self, request: Request) -> outside.Answer:
        if self.door is None:
            return outside.Answer(problem="the host has no edge")
        headers = dict(request.headers)
        if request.key:
            headers[request.key] = f"Bearer {self.vault['helicone_api_key'].reveal()}"
        base = self.door.gateway if request.door == "gateway" else self.door.ui
        return outside.send(base + request.path, request.method, headers, request.body, trust=self.door.trust)
