"""Trying values that were replaced: each must be refused wherever it was in force.

Nothing is taken for granted because a deploy was good. The old values travel inside the conversations
only, never on a command line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.commands.fleet_state import observe
from gateway.commands.web_session import Web
from gateway.errors import GatewayError
from gateway.plan.build import database_host
from gateway.plan.operations import Run
from gateway.release import postgres_settings
from gateway.render.context import gateway_login, postgres_login
from gateway.render.topology import data_host
from gateway.rotation import BACKUPS_PASSWORD, as_before, is_external
from gateway.secret import Secret
from gateway.transport.conversation import AgentError
from gateway.vault import Vault
from gateway.verify import outside
from gateway.verify.doors import door_of
from gateway.verify.onhost.s3_signature import signed_headers
from gateway.verify.release_view import seen_release

GATEWAY_GROUP = "helicone_gateway"  # the edge's user in releases from before it had one for each password
REFUSED, ACCEPTED, UNKNOWN, NOT_TRIED = "refused", "accepted", "unknown", "not tried"
KEY_SECONDS = 20.0  # until gateways know that a key was revoked: they look every two seconds
POLL_SECONDS = 0.25
IN_A_ROW = 8  # refusals: each of a gateway's threads reads the list of keys again when it is a second old
Tried = tuple[str, str]  # where, and what came of it


@dataclass(frozen=True)
class Verdict:
    """What became of one old value at one place; `outcome` is one of the words above."""

    secret: str
    where: str
    outcome: str
    words: str = ""


def try_old_values(run: Run, vault: Vault, names: tuple[str, ...]) -> list[Verdict]:
    """Return for each of `names` what happened when its previous value, from the vault's notes, was tried."""
    trial = _Trial(run, vault, as_before(vault))
    return [verdict for name in names for verdict in trial.of(name)]


class _Trial:
    """One run through the old values; `before` is the vault with them in the place of the new ones."""

    def __init__(self, run: Run, vault: Vault, before: Vault) -> None:
        self.run, self.vault, self.before = run, vault, before
        self.inventory = run.inventory
        self.project = run.inventory.project
        self.apps = [name for name, host in run.inventory.hosts.items() if "app" in host.roles]
        self.database = database_host(run.inventory)
        self.variables = run.inventory.hosts[self.database].variables
        data = data_host(run.inventory)
        self.backed_up = data is not None and data.variables.backup.enabled
        self.data = data.name if data else self.database

    def of(self, name: str) -> Iterator[Verdict]:
        """Yield the verdicts about one secret."""
        if why := self._not_to_be_tried(name):
            yield Verdict(name, "", NOT_TRIED, why)
        else:
            attempts: Mapping[str, Callable[[str], Iterator[Verdict]]] = {
                "postgres_password": self._postgres,
                "clickhouse_password": lambda name: self._clickhouse(name, self.variables.clickhouse.user),
                "clickhouse_hql_password": lambda name: self._clickhouse(name, "hql_user"),
                "gateway_stores_password": self._edges_users,
                "object_store_access_key": self._objects,
                "object_store_secret_key": self._objects,
                "better_auth_secret": self._sessions,
                "admin_password": self._account,
                "helicone_api_key": self._key,
                BACKUPS_PASSWORD: self._repository,
            }
            if name in attempts:
                yield from attempts[name](name)
        if self.before[name].reveal():
            yield from self._containers(name)

    def _not_to_be_tried(self, name: str) -> str:
        """Return why an old value is not tried, empty if it is."""
        if is_external(self.inventory, name):
            return "whoever made it has to revoke it"
        if name == BACKUPS_PASSWORD and not self.backed_up:
            return "no backups are made here"
        return "it opens nothing" if name == "fingerprint_key" else ""

    def _verdict(self, name: str, where: str, accepted: Callable[[], bool]) -> Verdict:
        """Ask `accepted`; what stands in the way of an answer is no refusal."""
        try:
            return Verdict(name, where, ACCEPTED if accepted() else REFUSED)
        except (AgentError, GatewayError, ValueError, KeyError) as error:
            return Verdict(name, where, UNKNOWN, str(error))

    def _lets_in(self, name: str, user: str) -> Verdict:
        settings = postgres_settings(self.inventory.hosts[self.database])

        def accepted() -> bool:
            """Ask the host to try the login."""
            answer = self.run.ask(
                self.database, "lets_in", project=self.project, postgres=settings, user=user,
                password=self.before[name].reveal(),
            )  # fmt: skip
            return bool(answer["accepted"])

        return self._verdict(name, f"PostgreSQL, user {user}", accepted)

    def _postgres(self, name: str) -> Iterator[Verdict]:
        login = postgres_login(self.inventory.hosts[self.database], self.before)
        for user in dict.fromkeys((login, self.variables.postgres.user)):
            yield self._lets_in(name, user)

    def _clickhouse(self, name: str, user: str) -> Iterator[Verdict]:
        settings = self.variables.clickhouse
        place = (
            {"service": "clickhouse", "port": 8123} if settings.mode == "bundled" else {"url": settings.url.rstrip("/")}
        )
        headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": self.before[name].reveal()}
        yield self._verdict(
            name, f"ClickHouse, user {user}",
            lambda: self._answers(self.data, {**place, "method": "POST", "path": "/", "headers": headers,
                                              "body": "SELECT 1"}),
        )  # fmt: skip

    def _edges_users(self, name: str) -> Iterator[Verdict]:
        for user in (gateway_login(self.before), GATEWAY_GROUP):
            yield self._lets_in(name, user)
            yield from self._clickhouse(name, user)

    def _objects(self, name: str) -> Iterator[Verdict]:
        path = f"/{self.variables.object_store.buckets.requests}"
        access_key, secret_key = (self.before[f"object_store_{name}_key"].reveal() for name in ("access", "secret"))
        headers = signed_headers(
            "object-store:9000", path, self.variables.object_store.region, access_key, secret_key, "HEAD"
        )
        order = {"service": "object-store", "port": 9000, "method": "HEAD", "path": path, "headers": headers}
        yield self._verdict(name, "object store", lambda: self._answers(self.data, order))

    def _answers(self, host: str, order: Mapping[str, Any]) -> bool:
        """Tell whether a store answers a request: 200, or a refusal; raises ValueError for anything else."""
        answer = self.run.ask(host, "ask", project=self.project, **order)
        refused = answer["status"] in (400, 401, 403) or "AUTHENTICATION_FAILED" in answer["body"]
        if answer["status"] != 200 and not refused:
            raise ValueError(f"it answers {answer['status']}")
        return bool(answer["status"] == 200)

    def _repository(self, name: str) -> Iterator[Verdict]:
        def accepted() -> bool:
            """Let the repository follow the release's password, then try the one before."""
            self.run.ask(self.data, "open_repository")
            answer = self.run.ask(self.data, "opens_repository", password=self.before[name].reveal())
            return bool(answer["accepted"])

        yield self._verdict(name, "repository of the backups", accepted)

    def _sessions(self, name: str) -> Iterator[Verdict]:
        for host in self.apps:
            yield self._verdict(name, f"{host}: web", partial(self._session_is_taken, Web(self.run, host), name))

    def _session_is_taken(self, web: Web, name: str) -> bool:
        token = web.sign_in(self.vault["admin_password"])
        if not token:
            raise ValueError("the first account's password is not that of the secrets, so no session could be made")
        try:
            if not web.knows(token, self.vault[name]):  # or the trial would prove nothing
                raise ValueError("a session signed with the new value is not taken either")
            return web.knows(token, self.before[name])
        finally:
            web.sign_out(token, self.vault[name])

    def _account(self, name: str) -> Iterator[Verdict]:
        for host in self.apps[:1]:
            yield self._verdict(name, f"{host}: web", partial(self._signs_in, Web(self.run, host), self.before[name]))

    @staticmethod
    def _signs_in(web: Web, password: Secret) -> bool:
        return bool(web.sign_in(password))

    def _key(self, name: str) -> Iterator[Verdict]:
        for host in self.apps[:1]:
            yield self._verdict(name, f"{host}: jawn", partial(self._key_reads, host, self.before[name]))
        edges = {
            name: seen for name, seen in observe(self.inventory, self.run.conversations).items()
            if "edge" in self.inventory.hosts[name].roles
        }  # fmt: skip
        for host, seen in edges.items():
            if self.inventory.hosts[host].variables.gateway.recording == "edge":
                yield self._verdict(name, f"{host}: gateway", partial(self._key_passes, host, seen, name))

    def _key_reads(self, host: str, key: Secret) -> bool:
        order: dict[str, Any] = {
            "service": "egress", "port": 8585, "method": "POST", "path": "/v1/request/query-clickhouse",
            "headers": {"Authorization": f"Bearer {key.reveal()}", "Content-Type": "application/json"},
            "body": '{"filter":"all","limit":1,"offset":0,"sort":{"created_at":"desc"}}',
        }  # fmt: skip
        answer = self.run.ask(host, "ask", project=self.project, **order)
        if answer["status"] != 401 and answer["status"] >= 300:
            raise ValueError(f"it answers {answer['status']}")
        return bool(answer["status"] != 401)

    def _key_passes(self, host: str, seen: Mapping[str, Any], name: str) -> bool:
        """Tell whether a gateway still passes the old key on, after the time that it takes to know."""
        door = door_of(self.inventory.hosts[host], seen_release(seen), seen["edge"]["authority"])
        if door is None:
            raise ValueError("its gateway cannot be reached from here")
        headers = {"Helicone-Auth": f"Bearer {self.before[name].reveal()}"}
        deadline, refusals = time.monotonic() + KEY_SECONDS, 0
        while True:
            answer = outside.send(f"{door.gateway}/v1/models", headers=headers, trust=door.trust)
            if not answer.status:
                raise ValueError(answer.problem)
            refusals = refusals + 1 if answer.status == 401 and "helicone-id" not in answer.headers else 0
            if refusals == IN_A_ROW:
                return False
            if not refusals and time.monotonic() > deadline:
                return True
            time.sleep(POLL_SECONDS)

    def _containers(self, name: str) -> Iterator[Verdict]:
        def carried(host: str) -> bool:
            answer = self.run.ask(host, "carriers", project=self.project, values=[self.before[name].reveal()])
            return bool(answer["services"])

        outcomes = [
            self._verdict(name, f"{host}: containers", partial(carried, host)) for host in self.run.conversations
        ]
        wrong = [verdict for verdict in outcomes if verdict.outcome != REFUSED]
        yield from wrong or [Verdict(name, "variables of the containers", REFUSED)]
