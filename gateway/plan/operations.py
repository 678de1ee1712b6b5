"""The operations of a plan: what `describe` prints is what `apply` does."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gateway.console import Reporter
from gateway.errors import GatewayError, UnreachableError
from gateway.inventory.model import Host, Inventory
from gateway.migrations import counted
from gateway.plan.observed import ServiceChange
from gateway.release import HostRelease, postgres_settings
from gateway.secret import Secret
from gateway.transport.conversation import Conversation
from gateway.transport.fleet import converse
from gateway.vault import Vault


@dataclass(frozen=True)
class Run:
    """What operations act with: the open conversations, the secrets, and where progress goes.

    `undo_without` are services that a host leaves standing still when it goes back to its old release.
    """

    inventory: Inventory
    vault: Vault
    conversations: Mapping[str, Conversation]
    reporter: Reporter
    undo_without: tuple[str, ...] = ()

    def ask(self, host: str, verb: str, payload: bytes = b"", **arguments: Any) -> Any:
        """Send a request to a host's agent, its events going to the reporter."""
        return self.conversations[host].request(
            verb, lambda message: self.reporter.events(host, message), payload, **arguments
        )

    def store_passwords(self) -> dict[str, str]:
        """Return the passwords of the stores' users, for a release on a host that does not name them itself."""
        return {
            name: self.vault.values[f"{name}_password"].reveal()
            for name in ("postgres", "clickhouse", "clickhouse_hql", "gateway_stores")
        }


class Operation(Protocol):
    """One thing to do on one host."""

    @property
    def host(self) -> str:
        """The host it is done on."""

    def describe(self) -> str:
        """Return what it does, in one line."""

    def apply(self, run: Run) -> None:
        """Do it. Raises AgentError or a GatewayError."""


@dataclass(frozen=True)
class PrepareHost:
    """Give a host Docker Engine, the Compose plugin, packages and the registries' certificates where it lacks them."""

    host: str
    engine: bool
    compose: Path | None
    certificates: Mapping[str, Path]
    packages: tuple[str, ...] = ()

    def describe(self) -> str:
        """See Operation."""
        parts = ["install and start Docker Engine"] if self.engine else []
        parts += ["install Docker Compose"] if self.compose else []
        parts += [f"install {name}" for name in self.packages]
        parts += [f"trust registry {name}" for name in self.certificates]
        return ", ".join(parts)

    def apply(self, run: Run) -> None:
        """See Operation."""
        certificates = {name: base64.b64encode(path.read_bytes()).decode() for name, path in self.certificates.items()}
        program = self.compose.read_bytes() if self.compose else b""
        run.ask(
            self.host, "prepare", payload=program, engine=self.engine, certificates=certificates,
            packages=list(self.packages),
        )  # fmt: skip


@dataclass(frozen=True)
class StageRelease:
    """Put a release beside the others on a host; nothing that runs is touched."""

    host: str
    identifier: str
    release: HostRelease = field(repr=False)

    def describe(self) -> str:
        """See Operation."""
        return f"upload release {self.identifier}"

    def apply(self, run: Run) -> None:
        """See Operation."""
        archive = self.release.pack(self.identifier)
        digest = hashlib.sha256(archive).hexdigest()
        run.ask(self.host, "stage", payload=archive, release=self.identifier, sha256=digest)


@dataclass(frozen=True)
class PullImages:
    """Bring the images of a release onto a host, by digest."""

    host: str
    images: tuple[str, ...]

    def describe(self) -> str:
        """See Operation."""
        return "pull " + ", ".join(image.partition("@")[0] for image in self.images)

    def apply(self, run: Run) -> None:
        """See Operation."""
        run.ask(self.host, "pull", images=list(self.images))


@dataclass(frozen=True)
class GuardHost:
    """Put the firewall and the hardening of a release into force on a host, before its services.

    `changes` says in words what that is.
    """

    host: str
    identifier: str
    changes: tuple[str, ...]
    undo_seconds: int

    def describe(self) -> str:
        """See Operation."""
        return f"{', '.join(self.changes)}; undone after {self.undo_seconds} s unless a new connection gets in"

    def apply(self, run: Run) -> None:
        """See Operation."""
        guard(run, self.host, self.identifier)


def guard(run: Run, host: str, identifier: str | None) -> None:
    """Put the guards of a release (none for None) into force, and confirm them over a new connection if they are new.

    Without the confirmation the host takes them back by itself. Raises AgentError, UnreachableError.
    """
    settings = run.inventory.hosts[host]
    seconds = settings.variables.firewall.undo_seconds
    answer = run.ask(host, "guard", project=run.inventory.project, release=identifier, seconds=seconds)
    if answer.get("unconfirmed"):
        _get_in_again(settings, run.inventory, seconds / 2)
        run.ask(host, "confirm", project=run.inventory.project)


def _get_in_again(host: Host, inventory: Inventory, seconds: float) -> None:
    """Open a new connection to a host and close it; an sshd that reads its settings again refuses for a moment.

    Raises UnreachableError when none got in that was begun within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return converse(host, inventory).close()
        except GatewayError as error:
            if time.monotonic() > deadline:
                raise UnreachableError(
                    f"a new connection did not get in, and what was changed is taken back: {error.message}",
                    where=f"{host.name}: guard",
                ) from None
        time.sleep(0.2)


@dataclass(frozen=True)
class SwitchRelease:
    """Make a release the running one on a host; deploy, rollback and undo all end here.

    `changes` says what happens to which service; services that are not named keep running untouched.
    `migrations` has by store the files that the host has not run before; they come after its stores
    and before its other services.
    """

    host: str
    identifier: str
    changes: tuple[ServiceChange, ...]
    settle_seconds: int
    migrations: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def describe(self) -> str:
        """See Operation."""
        work = [f"run {counted(self.migrations)} migrations"] if self.migrations else []
        work += [f"{change.action} {change.service}" for change in self.changes]
        return f"switch to {self.identifier}: {', '.join(work) or 'no service restarts'}"

    def apply(self, run: Run) -> None:
        """See Operation."""
        switch(run, self.host, self.identifier, self.settle_seconds if self.changes else 0,
               [change.service for change in self.changes if change.removed_first])  # fmt: skip


def switch(
    run: Run,
    host: str,
    identifier: str,
    settle_seconds: int,
    replace: list[str] | None = None,
    without: tuple[str, ...] = (),
) -> None:
    """Ask a host's agent to switch to a release that is staged there, `without` some services. Raises AgentError."""
    run.ask(
        host, "switch", project=run.inventory.project, release=identifier, settle_seconds=settle_seconds,
        replace=replace or [], secrets=run.store_passwords(), without=list(without),
        undo_without=list(run.undo_without),
    )  # fmt: skip


@dataclass(frozen=True)
class CreateAccount:
    """Make the first account and its API key: sign-up on an app host, the key's hash through `database_host`."""

    host: str
    database_host: str

    def describe(self) -> str:
        """See Operation."""
        return "make sure that the first account and its API key exist"

    def apply(self, run: Run) -> None:
        """See Operation."""
        project = run.inventory.project
        secrets = run.vault.values
        host = run.inventory.hosts[self.host]
        admin = host.variables.admin
        run.ask(
            self.host, "sign_up", project=project, name=admin.name, email=admin.email,
            password=secrets["admin_password"].reveal(),
        )  # fmt: skip
        register_key(run, self.database_host, secrets["helicone_api_key"])


def register_key(run: Run, database_host: str, key: Secret) -> None:
    """Make sure that Helicone knows `key` as one of the first account's, asking through `database_host`."""
    host = run.inventory.hosts[database_host]
    run.ask(
        database_host, "ensure_key", project=run.inventory.project, postgres=postgres_settings(host),
        email=host.variables.admin.email, password=run.vault["postgres_password"].reveal(), key=key.reveal(),
    )  # fmt: skip
