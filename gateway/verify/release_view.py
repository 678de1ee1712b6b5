"""What a host's current release says: the only source of what its checks expect.

An older release after a rollback or an undo is therefore verified against itself, not against an
inventory that has moved on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from gateway.agent.store import read_env
from gateway.document import Loader
from gateway.render.model import Entrance
from gateway.secret import Secret
from gateway.verify.onhost.containers import value_hash

_REFERENCE = re.compile(r"\$\$|\$\{(?P<name>[A-Z0-9_]+)\}")  # the only forms that the templates use
_NO_ENTRANCE = {"tls": "off", "name": "", "authority": "", "gateway": "", "ui": ""}
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class ComposeLoader(Loader):  # type: ignore[misc]
    """Reads a compose file and passes over Compose's tags (`!reset`, `!override`)."""


def _untagged(loader: ComposeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


ComposeLoader.add_multi_constructor("!", _untagged)


@dataclass(frozen=True)
class ServiceView:
    """A service that keeps running: what the manifest says of it, and its part of the override.

    `environment` holds `value_hash` of each variable.
    """

    name: str
    role: str
    image: str
    hash: str
    ports: tuple[tuple[str, int, int], ...]
    environment: Mapping[str, str]
    override: Mapping[str, Any]

    def __str__(self) -> str:
        return self.name

    @property
    def memory(self) -> int:
        """Return the memory limit in bytes; 0 if the release names none."""
        text = str(self.override.get("mem_limit", "0"))
        return int(text[:-1]) * _UNITS[text[-1]] if text[-1] in _UNITS else int(text)


@dataclass(frozen=True)
class ReleaseView:
    """A host's current release, from the manifest and the files that the snapshot brought."""

    identifier: str
    manifest: Mapping[str, Any]
    contents: Mapping[str, str | None] = field(repr=False)

    @property
    def project(self) -> str:
        """Return the Compose project, which also begins the names of volumes."""
        return str(self.manifest["project"])

    @cached_property
    def override(self) -> Mapping[str, Any]:
        """Return the override as data; empty when somebody made it unreadable, which its own check tells."""
        try:
            loaded = yaml.load(self.contents.get("compose.override.yml") or "{}", ComposeLoader)  # noqa: S506 - safe
        except yaml.YAMLError:
            return {}
        return loaded if isinstance(loaded, dict) else {}

    @cached_property
    def services(self) -> Mapping[str, ServiceView]:
        """Return the services that keep running, by name; one-shot ones come and go."""
        described = self.override.get("services") or {}
        return {
            service["name"]: ServiceView(
                name=service["name"],
                role=service["role"],
                image=service["image"],
                hash=service["hash"],
                ports=tuple((address, port, inside) for address, port, inside in service["ports"]),
                environment=self._environment(service, described.get(service["name"]) or {}),
                override=described.get(service["name"]) or {},
            )
            for service in self.manifest["services"]
            if not service["one_shot"]
        }

    @cached_property
    def entrance(self) -> Entrance:
        """Return how clients come in; a release that was made before this was written down had no TLS."""
        return Entrance(**(self.manifest.get("entrance") or _NO_ENTRANCE))

    @property
    def published(self) -> frozenset[tuple[str, int]]:
        """Return address and port of everything that the release publishes."""
        return frozenset((address, port) for service in self.services.values() for address, port, _ in service.ports)

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """Return the variables of `.env` that are no secrets."""
        return {name: value for name, value in self._env.items() if name not in self.manifest["secret_keys"]}

    @cached_property
    def secrets(self) -> tuple[Secret, ...]:
        """Return the secret values of `.env`, to make sure that they do not show somewhere."""
        return tuple(
            Secret(value) for name, value in self._env.items() if name in self.manifest["secret_keys"] and value
        )

    def secret(self, name: str) -> Secret | None:
        """Return a secret value of `.env`, None if the host's release has none of that name."""
        return Secret(self._env[name]) if self._env.get(name) else None

    def is_intact(self, name: str) -> bool:
        """Tell whether the snapshot brought a file of the release with the content that it was delivered with."""
        content = self.contents.get(name)
        expected = self.manifest["files"].get(name, {}).get("sha256")
        return content is not None and hashlib.sha256(content.encode()).hexdigest() == expected

    def _environment(self, service: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, str]:
        """Return the hashes of a service's variables.

        The manifest has those that can be shown. The secret ones follow from the override and `.env`, as
        long as nobody changed those: what a changed file says is no expectation.
        """
        found = {}
        if self.is_intact("compose.override.yml") and self.is_intact(".env"):
            for name, text in (override.get("environment") or {}).items():
                found[name] = value_hash(_REFERENCE.sub(self._resolved, str(text)))
        shown = {name: value_hash(value) for name, value in service["environment"].items()}
        return {**found, **shown}

    def _resolved(self, reference: re.Match[str]) -> str:
        return "$" if reference[0] == "$$" else self._env.get(reference["name"], "")

    @cached_property
    def _env(self) -> Mapping[str, str]:
        return read_env(self.contents.get(".env") or "")


def seen_release(seen: Mapping[str, Any]) -> ReleaseView:
    """Return the current release of a snapshot of a host that has one."""
    return ReleaseView(seen["current"], seen["manifest"], seen["contents"])
