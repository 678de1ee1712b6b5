"""Each rule of the merged definition can fail, and says so without a value."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gateway.render.rules import Expectation, check_merged

EXPECTED = Expectation(
    services=("jawn", "web", "db", "migrations", "egress"),
    one_shots=("migrations",),
    published={"web": [("10.0.0.1", 3001)]},
    mounts_below=("/opt/helicone/x/current", "/opt/helicone/x/live"),
)


def service(**more: Any) -> dict[str, Any]:
    return {
        "image": "name:tag@sha256:" + "a" * 64,
        "restart": "unless-stopped",
        "mem_limit": "1",
        "cpus": 1,
        "logging": {"driver": "json-file", "options": {"max-size": "1m", "max-file": "2"}},
        "security_opt": ["no-new-privileges:true"],
        "healthcheck": {"test": ["CMD", "true"]},
        **more,
    }


def good() -> dict[str, Any]:
    shared = {
        "BETTER_AUTH_SECRET": "value-sentinel",
        "BETTER_AUTH_URL": "http://ui",
        "NEXT_PUBLIC_BETTER_AUTH": "true",
        "NEXT_PUBLIC_IS_ON_PREM": "true",
        "NEXT_PUBLIC_APP_URL": "http://ui",
        "VERCEL_ENV": "development",
    }
    jawn = shared | {
        "PORT": "8585",
        "SUPABASE_DATABASE_URL": "x",
        "CLICKHOUSE_CREDS": '{"CLICKHOUSE_HOST":"http://c:1","CLICKHOUSE_USER":"u","CLICKHOUSE_PASSWORD":"p",'
        '"CLICKHOUSE_HQL_USER":"h","CLICKHOUSE_HQL_PASSWORD":"q"}',
        "REQUEST_CACHE_KEY": "0123456789abcdef" * 4,
    }
    for key in ("APP_URL", "S3_ENDPOINT", "S3_ENDPOINT_PUBLIC", "S3_REGION", "S3_ACCESS_KEY", "S3_SECRET_KEY"):
        jawn[key] = "x"
    for key in ("S3_BUCKET_NAME", "S3_PROMPT_BUCKET_NAME", "HQL_STORE_BUCKET", "NODE_ENV", "DD_TRACE_ENABLED"):
        jawn[key] = "x"
    for key in ("HELICONE_MANUAL_ACCESS_KEY", "HELICONE_WORKER_URL"):
        jawn[key] = "x"
    web = shared | {
        "DATABASE_URL": "x",
        "CLICKHOUSE_HOST": "x",
        "CLICKHOUSE_USER": "x",
        "CLICKHOUSE_PASSWORD": "x",
        "NEXT_PUBLIC_HELICONE_JAWN_SERVICE": "http://ui/jawn",
        "NEXT_PUBLIC_BASE_PATH": "x",
    }
    migrations = dict.fromkeys(
        ("FLYWAY_URL", "FLYWAY_USER", "FLYWAY_PASSWORD", "CLICKHOUSE_HOST", "CLICKHOUSE_USER", "CLICKHOUSE_PASSWORD"),
        "x",
    )
    one_shot = service(restart="no", environment=migrations)
    del one_shot["healthcheck"]
    mount = {"type": "bind", "source": "/opt/helicone/x/current/egress/Caddyfile", "target": "/c", "read_only": True}
    database = dict.fromkeys(("POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"), "x")
    return {
        "name": "helicone-x",
        "services": {
            "jawn": service(network_mode="service:egress", depends_on={"egress": {"required": True}}, environment=jawn),
            "web": service(environment=web, ports=[{"host_ip": "10.0.0.1", "published": "3001", "target": 3000}]),
            "db": service(environment=database, volumes=[{"type": "volume", "source": "postgres", "target": "/d"}]),
            "migrations": one_shot,
            "egress": service(volumes=[mount]),
        },
        "volumes": {"postgres": {"name": "helicone-x-postgres"}},
    }


def test_good_definition_has_no_complaints() -> None:
    assert check_merged(good(), EXPECTED) == []


def test_files_that_are_read_while_a_service_runs_may_be_mounted() -> None:
    merged = good()
    mount = {"type": "bind", "source": "/opt/helicone/x/live/gateway", "target": "/l", "read_only": True}
    merged["services"]["egress"]["volumes"].append(mount)

    assert check_merged(merged, EXPECTED) == []


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change that sets what is at the slash-separated `path`; None removes it."""

    def apply(merged: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        for parent in parents:
            merged = merged[parent]
        if value is None:
            del merged[last]
        else:
            merged[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("services/web", None, "web is missing"),
        ("services/other", service(), "other must not run here"),
        ("services/minio-setup", service(), "minio-setup is a part of Helicone's file that is never run"),
        ("services/worker-gateway-api", service(), "worker-gateway-api is a part"),
        ("services/web/image", "name:tag", "web: its image has no digest"),
        ("services/web/build", {"context": "."}, "web: it must not have build"),
        ("services/web/container_name", "web", "web: it must not have container_name"),
        ("services/web/privileged", True, "web: it must not have privileged"),
        ("services/web/ipc", "host", "web: it must not share memory"),
        ("services/web/network_mode", "host", "web: it must not share the host's network"),
        ("services/web/depends_on", {"jawn": {}}, "web: it must not depend on jawn"),
        ("services/db/environment/POSTGRES_PASSWORD", "testpassword", "db: environment.POSTGRES_PASSWORD holds"),
        ("services/web/entrypoint", ["sh", "-c", "mc minioadmin"], "web: entrypoint holds a publicly known"),
        ("services/web/environment/DATABASE_URL", "postgres://u:testpassword@db/x", "web: environment.DATABASE_URL"),
        ("services/web/mem_limit", None, "web: it has no memory limit"),
        ("services/web/cpus", None, "web: it has no CPU limit"),
        ("services/web/logging", None, "web: its log is not rotated"),
        ("services/web/logging/options", {"max-size": "1m"}, "web: its log is not rotated"),
        ("services/web/security_opt", None, "web: it may gain new privileges"),
        ("services/web/restart", None, "web: it has no restart policy"),
        ("services/web/restart", "no", "web: it has no restart policy"),
        ("services/web/healthcheck", None, "web: it has no healthcheck"),
        ("services/web/healthcheck", {"disable": True}, "web: it has no healthcheck"),
        ("services/web/healthcheck/test", ["CMD", "wget", "http://localhost"], "web: its healthcheck asks localhost"),
        ("services/migrations/restart", "always", "migrations: it runs once"),
        ("services/db/ports", [{"published": "5432", "target": 5432}], "db: it publishes port 5432 on every address"),
        (
            "services/web/ports",
            [{"host_ip": "0.0.0.0", "published": "3001", "target": 3000}],  # noqa: S104
            "web: it publishes port 3001 on 0.0.0.0",
        ),
        ("services/web/volumes", [{"type": "bind", "source": "/etc", "read_only": True}], "web: it mounts /etc"),
        (
            "services/egress/volumes",
            [{"type": "bind", "source": "/opt/helicone/x/current/egress"}],
            "egress: it mounts /opt/helicone/x/current/egress",
        ),
        (
            "services/egress/volumes",
            [{"type": "bind", "source": "/opt/helicone/x/lives/gateway", "read_only": True}],
            "egress: it mounts /opt/helicone/x/lives/gateway",
        ),
        (
            "services/egress/volumes",
            [{"type": "bind", "source": "/opt/helicone/x/live/gateway"}],
            "egress: it mounts /opt/helicone/x/live/gateway",
        ),
        ("services/db/volumes", [{"type": "volume", "target": "/d"}], "db: it keeps /d in a volume without a name"),
        ("volumes/postgres/name", "x_postgres", "the volume postgres has no name of this project"),
        ("services/jawn/environment/REQUEST_CACHE_KEY", None, "jawn: REQUEST_CACHE_KEY is not set"),
        ("services/jawn/environment/REQUEST_CACHE_KEY", "short", "jawn: REQUEST_CACHE_KEY must be 64"),
        ("services/jawn/environment/S3_REGION", "", "jawn: S3_REGION is not set"),
        ("services/web/environment/BETTER_AUTH_URL", None, "web: BETTER_AUTH_URL is not set"),
        ("services/web/environment/BETTER_AUTH_SECRET", "other", "web: BETTER_AUTH_SECRET differs"),
        ("services/web/environment/NEXT_PUBLIC_IS_ON_PREM", "false", "web: NEXT_PUBLIC_IS_ON_PREM must be true"),
        ("services/jawn/environment/VERCEL_ENV", "production", "jawn: VERCEL_ENV must be development"),
        ("services/jawn/environment/REDIS_HOST", "redis", "jawn: REDIS_HOST must not be set"),
        ("services/web/environment/SMTP_HOST", "mailhog", "web: SMTP_HOST must not be set"),
        ("services/jawn/environment/CLICKHOUSE_CREDS", "{", "jawn: CLICKHOUSE_CREDS is no JSON"),
        ("services/jawn/environment/CLICKHOUSE_CREDS", "{}", "jawn: CLICKHOUSE_CREDS lacks CLICKHOUSE_HOST"),
        (
            "services/web/environment/NEXT_PUBLIC_HELICONE_JAWN_SERVICE",
            "http://jawn",
            "web: NEXT_PUBLIC_HELICONE_JAWN_SERVICE must be",
        ),
    ],
)
def test_rule_can_fail(path: str, value: Any, complaint: str) -> None:
    merged = copy.deepcopy(good())
    change(path, value)(merged)

    complaints = check_merged(merged, EXPECTED)

    assert [text for text in complaints if text.startswith(complaint)], complaints
    assert "value-sentinel" not in "".join(complaints)
