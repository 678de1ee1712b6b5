"""A host with a release that is backed up, without Docker and without restic."""

from __future__ import annotations

import json

import pytest

from gateway.agent.store import Store

MIGRATIONS = {
    "postgres": {"mode": "bundled", "user": "postgres", "database": "helicone", "files": ["V1.sql"]},
    "clickhouse": {"mode": "bundled", "user": "default", "url": "", "files": ["schema_1.sql", "schema_79.sql"]},
    "allowed_absent": ["schema_79.sql"],
}
PASSWORD = "a-password-that-nobody-sees"
WANTED = {
    "enabled": True, "image": "restic:1@sha256:aa", "repository": "/var/backups/trial", "keep_last": 5, "keep_daily": 7,
    "keep_weekly": 4, "keep_monthly": 0, "schedule": "03:30", "drill_every_days": 7, "memory": "1g", "cpus": 1,
}  # fmt: skip


def host(folder, services=("db", "clickhouse", "object-store"), **changes) -> Store:
    """Return the store of a host whose current release says `WANTED`, with `changes`."""
    store = Store(str(folder / "env"))
    store.create()
    release = store.releases / "3-abc"
    (release / "backup").mkdir(parents=True)
    (release / "clickhouse").mkdir()
    (release / "clickhouse" / "backups.xml").write_text("<clickhouse/>")
    (release / "backup" / "settings.json").write_text(json.dumps({**WANTED, **changes}))
    (release / ".env").write_text(
        f'POSTGRES_PASSWORD="pg"\nCLICKHOUSE_PASSWORD="ch"\nBACKUP_PASSWORD="{PASSWORD}"\n'
        'BACKUP_S3_ACCESS_KEY=""\nBACKUP_S3_SECRET_KEY=""\n'
    )
    manifest = {
        "project": "helicone-trial", "upstream": "c" * 40, "files": {}, "settings": {"health_timeout": 5},
        "services": [{"name": name, "image": f"{name}:1@sha256:bb"} for name in services],
        "secret_keys": ["POSTGRES_PASSWORD", "CLICKHOUSE_PASSWORD", "BACKUP_PASSWORD", "BACKUP_S3_ACCESS_KEY",
                        "BACKUP_S3_SECRET_KEY"],
        "migrations": MIGRATIONS,
    }  # fmt: skip
    (release / "manifest.json").write_text(json.dumps(manifest))
    store.point_to("3-abc")
    return store


@pytest.fixture
def store(tmp_path) -> Store:
    return host(tmp_path)
