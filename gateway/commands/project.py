"""What most verbs start from: an environment's inventory, secrets, upstream, images and renderings."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gateway import age_identity
from gateway.console import Reporter
from gateway.errors import ConfigurationError
from gateway.images import load_lock
from gateway.inventory import Inventory, known_environments, load_inventory
from gateway.private_file import own_files, shown_path
from gateway.release import HostRelease, host_release
from gateway.render import RenderedHost, render_environment
from gateway.render.kept import KeptMerges
from gateway.upstream import Upstream, upstream_for
from gateway.vault import Vault, diff_key, ensure_vault, open_vault, save_vault

ROOT = Path(__file__).resolve().parents[2]
MERGED = ROOT / ".cache" / "merged"


@dataclass(frozen=True)
class Project:
    """An environment as files say it is; each part is read when it is first asked for, and once."""

    inventory: Inventory
    reporter: Reporter

    @cached_property
    @own_files()
    def vault(self) -> Vault:
        """The secrets; missing ones are generated and saved, and said so."""
        path, identity = vault_path(self.inventory), identity_path(self.inventory)
        opener = "" if identity.exists() else f"; {shown_path(identity)}, made now, opens them: keep a copy of it"
        vault, created = ensure_vault(path, identity, self.recipients)
        if created:
            where = f"{path.relative_to(ROOT)}: put it under version control{opener}"
            self.reporter.line("", f"generated {len(created)} secrets into {where}")
        return vault

    def with_vault(self, vault: Vault) -> Project:
        """Return the environment with other secrets, which are not saved yet."""
        other = Project(self.inventory, self.reporter)
        other.__dict__.update(vault=vault, upstream=self.upstream)  # where cached properties keep what they gave
        return other

    def deployed(self) -> Project:
        """Return this environment for a command about what was deployed once, so that its secrets are there.

        Raises ConfigurationError where they are not: new ones would take the place of those that the hosts and the
        backups were made with.
        """
        self.saved_vault()
        return self

    def saved_vault(self) -> Vault:
        """Return the secrets as they are on disk now."""
        return open_vault(vault_path(self.inventory), identity_path(self.inventory))

    def keep(self, vault: Vault) -> None:
        """Save other secrets."""
        save_vault(vault_path(self.inventory), vault, identity_path(self.inventory), self.recipients)

    @property
    def recipients(self) -> list[str]:
        """The public keys that may open the secrets besides this operator's own."""
        return list(next(iter(self.inventory.hosts.values())).variables.secrets.recipients)

    @cached_property
    def opened_vault(self) -> Vault:
        """The secrets for a command that makes none: an environment without any was never deployed."""
        return open_vault(vault_path(self.inventory), identity_path(self.inventory))

    @cached_property
    @own_files()
    def upstream(self) -> Upstream:
        """Helicone's own compose file and migration names at the pinned commit."""
        found = upstream_for(next(iter(self.inventory.hosts.values())).variables, ROOT)
        if found.notice:
            self.reporter.line("", found.notice, "yellow")
        return found

    @cached_property
    @own_files()
    def rendered(self) -> dict[str, RenderedHost]:
        """The files and services of every host of the environment."""
        lock = load_lock(self.inventory.path / "images.lock.yml")
        kept = KeptMerges(MERGED / self.inventory.environment, diff_key(self.vault))
        return render_environment(self.inventory, self.vault, self.upstream, lock, kept.merged)

    @cached_property
    def releases(self) -> dict[str, HostRelease]:
        """The release of each selected host, not yet numbered."""
        return {
            name: host_release(self.rendered[name], self.inventory.hosts[name], self.upstream)
            for name in self.inventory.selected
        }


@own_files()
def open_project(environment: str, settings: Sequence[str], limit: str | None, reporter: Reporter) -> Project:
    """Return the project's environment; only the inventory is read yet. Raises ConfigurationError."""
    if not environment:
        known = ", ".join(known_environments(ROOT))
        raise ConfigurationError("no environment was named", where="--env", next_step=f"add --env with one of {known}")
    return Project(load_inventory(ROOT, environment, settings, limit), reporter)


def vault_path(inventory: Inventory) -> Path:
    """Return where the environment's secrets are kept."""
    return inventory.path / "secrets.yml.age"


def identity_path(inventory: Inventory) -> Path:
    """Return where this operator's age identity is; a relative path counts from the project's folder."""
    return age_identity.identity_path(ROOT, next(iter(inventory.hosts.values())).variables.secrets.identity)


def owner() -> str:
    """Return who runs this command, as others see it in a lease and in the history."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
