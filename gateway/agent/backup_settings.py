"""What a backup on this host works with: settings and secrets of the release that runs here."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .failure import StepFailed
from .store import Store

FILE = "backup/settings.json"


class Settings(NamedTuple):
    """The repository and how to open it, the stores of the running release, and what a run may use.

    `services` are the bundled stores that run here, by name, with their images; `postgres` and
    `clickhouse` say how each is asked; `passwords` has theirs.
    """

    project: str
    release: str
    upstream: str
    repository: str
    image: str
    keep: dict[str, int]
    schedule: str
    drill_every_days: int
    memory: str
    cpus: float
    services: dict[str, str]
    migrations: dict[str, Any]
    passwords: dict[str, str]
    environment: dict[str, str]

    def __repr__(self) -> str:
        """Return what they are without the secrets in them."""
        return f"{type(self).__name__}(project={self.project!r}, release={self.release!r})"

    @property
    def postgres(self) -> dict[str, Any]:
        """Return how PostgreSQL is asked."""
        return dict(self.migrations["postgres"])

    @property
    def clickhouse(self) -> dict[str, Any]:
        """Return how ClickHouse is asked."""
        return dict(self.migrations["clickhouse"])


def load(store: Store, elsewhere: dict[str, Any] | None = None, release: str | None = None) -> Settings:
    """Return the settings of `release`, without it of the one that runs here.

    `elsewhere` names another repository with its own password and keys, for a set of another
    environment. Raises StepFailed of kind `configuration` when nothing is to be backed up here.
    """
    release = release or store.current()
    if release is None:
        raise refused("there is no release on this host: deploy one first, a restore goes into it")
    manifest = store.manifest(release)
    try:
        wanted = json.loads((store.releases / release / FILE).read_bytes())
    except (OSError, ValueError):
        raise refused("the release on this host knows nothing of backups: deploy again") from None
    if not wanted["enabled"]:
        raise refused("backup.enabled is false")
    names = ("db", "clickhouse", "object-store")
    services = {s["name"]: str(s["image"]) for s in manifest["services"] if s["name"] in names}
    if not services or not manifest["migrations"]:
        raise refused("no bundled store runs on this host; external stores are for whoever runs them")
    secrets = store.environment(release)
    keys = elsewhere or {
        "repository": wanted["repository"], "password": secrets.get("BACKUP_PASSWORD", ""),
        "s3_access_key": secrets.get("BACKUP_S3_ACCESS_KEY", ""),
        "s3_secret_key": secrets.get("BACKUP_S3_SECRET_KEY", ""),
    }  # fmt: skip
    environment = {"RESTIC_PASSWORD": keys["password"]}
    if keys["s3_access_key"]:
        environment |= {"AWS_ACCESS_KEY_ID": keys["s3_access_key"], "AWS_SECRET_ACCESS_KEY": keys["s3_secret_key"]}
    return Settings(
        project=manifest["project"], release=release, upstream=manifest["upstream"],
        repository=keys["repository"], image=wanted["image"],
        keep={name: wanted[f"keep_{name}"] for name in ("last", "daily", "weekly", "monthly")},
        schedule=wanted["schedule"], drill_every_days=wanted["drill_every_days"],
        memory=wanted["memory"], cpus=wanted["cpus"], services=services, migrations=manifest["migrations"],
        passwords={
            "postgres": secrets.get("POSTGRES_PASSWORD", ""), "clickhouse": secrets.get("CLICKHOUSE_PASSWORD", "")
        },
        environment=environment,
    )  # fmt: skip


def refused(message: str) -> StepFailed:
    """Return the failure of a host that cannot do what is asked, with nothing changed."""
    return StepFailed("backup", message, kind="configuration")
