"""What the lab's stores and spools hold, asked from beside the gateway."""

from __future__ import annotations

import hashlib
import json
import shlex
import time

from tests.lab.command import clickhouse, on_host

CONTAINER = (
    "docker ps -q --filter label=com.docker.compose.project=helicone-lab --filter label=com.docker.compose.service"
)


def postgres(sql: str) -> list[str]:
    """Ask the lab's PostgreSQL."""
    command = f"docker exec -i $({CONTAINER}=db) psql -qAt --username postgres --dbname helicone"
    return on_host("data1", f"printf %s {shlex.quote(sql)} | {command}").splitlines()


def list_key(key: str, name: str) -> str:
    """Put a Helicone key into PostgreSQL as the UI does, which stores its hash alone; return the hash."""
    digest = hashlib.sha256(f"Bearer {key}".encode()).hexdigest()
    postgres(f"delete from helicone_api_keys where api_key_hash = '{digest}'")
    postgres(
        "insert into helicone_api_keys"
        " (api_key_hash, api_key_name, user_id, organization_id, key_permissions, temp_key)"
        f" select '{digest}', '{name}', user_id, organization_id, 'rw', false from helicone_api_keys limit 1"
    )
    return digest


def recorded(identifiers: list[str], within: float = 120) -> set[str]:
    """Return which of the requests ClickHouse has, once it has all of them or the time is up."""
    names = ", ".join(f"'{identifier}'" for identifier in identifiers)
    deadline = time.monotonic() + within
    while True:
        rows = clickhouse(
            f"SELECT DISTINCT toString(request_id) FROM request_response_rmt WHERE request_id IN ({names})"
        )
        if len(rows) == len(identifiers) or time.monotonic() > deadline:
            return set(rows)
        time.sleep(0.5)


def nothing_waits(host: str, within: float = 120) -> None:
    """Wait until a host's recorder has seen all of its records in ClickHouse."""
    deadline = time.monotonic() + within
    while json.loads(on_host(host, f"docker exec $({CONTAINER}=recorder) python3 -B -m recorder status"))["waiting"]:
        assert time.monotonic() < deadline, f"{host}: records wait"
        time.sleep(1)


def bodies(identifiers: list[str]) -> set[str]:
    """Return which of the requests have a body in the object store."""
    listing = on_host("data1", "find /var/lib/docker/volumes/helicone-lab-object-store/_data -type f")
    return {one for one in identifiers if one in listing}
