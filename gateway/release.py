"""A release: everything that a host needs to run, and to go back to, what was rendered for it.

Its digest depends on content alone, its id puts a counter before the digest, so that neither
building it twice nor any clock changes what it is called or where it stands in the order.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gateway.agent.store import release_number
from gateway.inventory.model import Host
from gateway.render.model import RenderedFile, RenderedHost
from gateway.upstream import Upstream

FORMAT = 1


@dataclass(frozen=True)
class HostRelease:
    """One host's part of a release before it has a number: the manifest's body and the files."""

    manifest: Mapping[str, Any]
    files: Mapping[str, RenderedFile]

    @property
    def digest(self) -> str:
        """Return the sha256 of the manifest's body; the body holds the sha256 of every file."""
        return hashlib.sha256(canonical(self.manifest)).hexdigest()

    def pack(self, identifier: str) -> bytes:
        """Return the tar that travels: sorted names, owner root, no times, the manifest last."""
        entries = {name: (file.content, file.mode) for name, file in self.files.items()}
        manifest = canonical({**self.manifest, "release": identifier})
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, (content, mode) in [*sorted(entries.items()), ("manifest.json", (manifest, 0o600))]:
                info = tarfile.TarInfo(name)
                info.size, info.mode, info.mtime = len(content), mode, 0
                archive.addfile(info, io.BytesIO(content))
        return buffer.getvalue()


def host_release(rendered: RenderedHost, host: Host, upstream: Upstream) -> HostRelease:
    """Return the release of one host from what was rendered for it."""
    variables = host.variables
    one_shot = any(service.role == "migrations" for service in rendered.services)
    manifest = {
        "format": FORMAT,
        "host": rendered.name,
        "project": rendered.project,
        "upstream": upstream.commit,
        "files": {
            name: {"sha256": hashlib.sha256(file.content).hexdigest(), "mode": f"{file.mode:o}"}
            for name, file in sorted(rendered.files.items())
        },
        "services": [
            {
                "name": service.name,
                "role": service.role,
                "image": service.image,
                "hash": service.content_hash,
                "one_shot": service.one_shot,
                "handover": service.handover,
                "live": list(service.live),
                "ports": [list(binding) for binding in service.ports],
                "environment": dict(service.environment),
            }
            for service in rendered.services
        ],
        "secret_keys": sorted(rendered.secret_keys),
        "migrations": migrations_of(host, upstream) if one_shot else None,
        "entrance": asdict(rendered.entrance) if rendered.entrance else None,
        "settings": {"health_timeout": variables.deploy.health_timeout},
    }
    return HostRelease(manifest, rendered.files)


def migrations_of(host: Host, upstream: Upstream) -> dict[str, Any]:
    """Return how to reach the two ledgers, without passwords, and which files they must show."""
    variables = host.variables
    return {
        "postgres": {**postgres_settings(host), "files": list(upstream.postgres_migrations)},
        "clickhouse": {
            "mode": variables.clickhouse.mode,
            "url": variables.clickhouse.url,
            "user": variables.clickhouse.user,
            "files": list(upstream.clickhouse_migrations),
        },
        "allowed_absent": list(variables.migrations.allowed_absent),
    }


def postgres_settings(host: Host) -> dict[str, Any]:
    """Return how the agent reaches PostgreSQL, without the password."""
    postgres = host.variables.postgres
    return {
        "mode": postgres.mode,
        "host": postgres.host,
        "port": postgres.port,
        "database": postgres.database,
        "user": postgres.user,
        "image": host.variables.images.postgres,
    }


def release_digest(releases: Mapping[str, HostRelease]) -> str:
    """Return twelve hex digits that name the content of a release over all its hosts."""
    combined = canonical({name: release.digest for name, release in releases.items()})
    return hashlib.sha256(combined).hexdigest()[:12]


def next_identifier(releases: Mapping[str, HostRelease], known: list[str]) -> str:
    """Return the id of a new release: one above the highest number that any host knows."""
    highest = max([0, *[release_number(identifier) for identifier in known]])
    return f"{highest + 1}-{release_digest(releases)}"


def canonical(data: Any) -> bytes:
    """Return JSON with sorted keys and no spaces: equal data gives equal bytes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=dict).encode()
