"""What must hold of the variables of Helicone's services.

Each name is one whose absence was seen to break Helicone without an error that anybody would notice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Variables = Mapping[str, str]

NEEDED: Mapping[str, tuple[str, ...]] = {
    "db": ("POSTGRES_DB", "POSTGRES_USER"),
    "clickhouse": ("CLICKHOUSE_USER", "CLICKHOUSE_PASSWORD", "CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT"),
    "object-store": ("RCLONE_AUTH_KEY",),
    "migrations": (
        "FLYWAY_URL",
        "FLYWAY_USER",
        "FLYWAY_PASSWORD",
        "CLICKHOUSE_HOST",
        "CLICKHOUSE_USER",
        "CLICKHOUSE_PASSWORD",
    ),
    "jawn": (
        "SUPABASE_DATABASE_URL",
        "CLICKHOUSE_CREDS",
        "REQUEST_CACHE_KEY",
        "BETTER_AUTH_SECRET",
        "BETTER_AUTH_URL",
        "NEXT_PUBLIC_BETTER_AUTH",
        "NEXT_PUBLIC_IS_ON_PREM",
        "NEXT_PUBLIC_APP_URL",
        "APP_URL",
        "S3_ENDPOINT",
        "S3_ENDPOINT_PUBLIC",
        "S3_REGION",
        "S3_ACCESS_KEY",
        "S3_SECRET_KEY",
        "S3_BUCKET_NAME",
        "S3_PROMPT_BUCKET_NAME",
        "HQL_STORE_BUCKET",
        "VERCEL_ENV",
        "NODE_ENV",
        "DD_TRACE_ENABLED",
        "HELICONE_MANUAL_ACCESS_KEY",
        "HELICONE_WORKER_URL",
    ),
    "web": (
        "DATABASE_URL",
        "CLICKHOUSE_HOST",
        "CLICKHOUSE_USER",
        "CLICKHOUSE_PASSWORD",
        "BETTER_AUTH_SECRET",
        "BETTER_AUTH_URL",
        "NEXT_PUBLIC_BETTER_AUTH",
        "NEXT_PUBLIC_IS_ON_PREM",
        "NEXT_PUBLIC_APP_URL",
        "NEXT_PUBLIC_HELICONE_JAWN_SERVICE",
        "NEXT_PUBLIC_BASE_PATH",
        "VERCEL_ENV",
    ),
}
FIXED: Mapping[str, Mapping[str, str]] = {
    "clickhouse": {"CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT": "1"},
    "jawn": {
        "NEXT_PUBLIC_BETTER_AUTH": "true",
        "NEXT_PUBLIC_IS_ON_PREM": "true",
        "VERCEL_ENV": "development",
        "PORT": "8585",
    },
    "web": {"NEXT_PUBLIC_BETTER_AUTH": "true", "NEXT_PUBLIC_IS_ON_PREM": "true", "VERCEL_ENV": "development"},
}
# Seen to break a self-hosted Helicone: TLS to Redis is hard-wired, mail to nowhere delays a sign-up by
# minutes, a worker address makes the creation of keys post to it.
HARMFUL = {"jawn": ("REDIS_HOST", "HELICONE_WORKER_API"), "web": ("SMTP_HOST", "PORT")}
_CACHE_KEY = re.compile(r"[0-9a-fA-F]{64}")


def environment_complaints(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each variable of Helicone's `services` that is missing or wrong; never its value."""
    complaints = []
    for name, definition in services.items():
        variables = _variables(definition)
        complaints += [f"{name}: {key} is not set" for key in NEEDED.get(name, ()) if not variables.get(key)]
        complaints += [
            f"{name}: {key} must be {value}"
            for key, value in FIXED.get(name, {}).items()
            if variables.get(key) != value
        ]
        complaints += [f"{name}: {key} must not be set" for key in HARMFUL.get(name, ()) if variables.get(key)]
    jawn, web = (_variables(services.get(name, {})) for name in ("jawn", "web"))
    if jawn:
        complaints += [f"jawn: {text}" for text in _jawn(jawn)]
    if jawn and web:
        complaints += [f"web: {text}" for text in _together(jawn, web)]
    return complaints


def _variables(definition: Mapping[str, Any]) -> Variables:
    return {key: str(value or "") for key, value in (definition.get("environment") or {}).items()}


def _jawn(jawn: Variables) -> Iterator[str]:
    if not _CACHE_KEY.fullmatch(jawn.get("REQUEST_CACHE_KEY", "")):
        yield "REQUEST_CACHE_KEY must be 64 hexadecimal digits, or no request is recorded"
    try:
        credentials = json.loads(jawn.get("CLICKHOUSE_CREDS", ""))
    except ValueError:
        yield "CLICKHOUSE_CREDS is no JSON, which crashes it"
        return
    for key in ("HOST", "USER", "PASSWORD", "HQL_USER", "HQL_PASSWORD"):
        if not credentials.get(f"CLICKHOUSE_{key}"):
            yield f"CLICKHOUSE_CREDS lacks CLICKHOUSE_{key}"
    if not str(credentials.get("CLICKHOUSE_HOST", "")).startswith(("http://", "https://")):
        yield "CLICKHOUSE_HOST in CLICKHOUSE_CREDS needs a scheme"


def _together(jawn: Variables, web: Variables) -> Iterator[str]:
    for key in ("BETTER_AUTH_SECRET", "BETTER_AUTH_URL", "NEXT_PUBLIC_APP_URL"):
        if jawn.get(key) != web.get(key):
            yield f"{key} differs from jawn's, so that every call of the UI would be refused"
    if web.get("NEXT_PUBLIC_HELICONE_JAWN_SERVICE") != f"{web.get('BETTER_AUTH_URL')}/jawn":
        yield "NEXT_PUBLIC_HELICONE_JAWN_SERVICE must be the UI's address with /jawn"
