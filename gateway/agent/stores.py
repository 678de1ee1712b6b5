"""The databases as the agent asks them: SQL to PostgreSQL and ClickHouse, and their migration ledgers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from . import engine
from .failure import StepFailed
from .redaction import hide


def postgres(project: str, settings: dict[str, Any], password: str, sql: str) -> list[str]:
    """Run SQL on PostgreSQL and return the output lines, columns separated by `|`.

    A bundled database is asked inside its container over the local socket; an external one by a
    throwaway client container of `settings["image"]`, which needs the password. The SQL goes to
    standard input and the password through the environment: neither is ever an argument. Raises
    StepFailed with psql's message.
    """
    options = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1",
               "--username", settings["user"], "--dbname", settings["database"]]  # fmt: skip
    if settings["mode"] == "bundled":
        arguments = ["docker", "exec", "--interactive", engine.container_of(project, "db")["Id"], *options]
    else:
        arguments = ["docker", "run", "--rm", "--interactive", "--env", "PGPASSWORD", "--network", "host",
                     "--entrypoint", options[0], settings["image"], *options[1:],
                     "--host", settings["host"], "--port", str(settings["port"])]  # fmt: skip
    environment = {**os.environ, **({} if settings["mode"] == "bundled" else {"PGPASSWORD": password})}
    done = subprocess.run(arguments, input=sql.encode(), capture_output=True, check=False, env=environment)
    if done.returncode:
        raise StepFailed("postgres", done.stderr.decode(errors="replace").strip().replace("\n", "; ")[-500:])
    return lines_of(done.stdout)


def clickhouse(project: str, settings: dict[str, Any], password: str, sql: str, timeout: float = 60) -> list[str]:
    """Run SQL on ClickHouse over HTTP and return the output lines, waiting at most `timeout` seconds for each.

    Raises StepFailed with ClickHouse's message.
    """
    import urllib.error  # noqa: PLC0415 - slower than all of the agent, and most hosts have no store to ask
    import urllib.request  # noqa: PLC0415

    url = settings["url"]
    if settings["mode"] == "bundled":
        url = f"http://{engine.address(engine.container_of(project, 'clickhouse'))}:8123"
    request = urllib.request.Request(url, data=sql.encode(), headers={  # noqa: S310 - an http(s) URL of the inventory
        "X-ClickHouse-User": settings["user"], "X-ClickHouse-Key": password,
    })  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
            return lines_of(response.read())
    except urllib.error.HTTPError as error:
        message = hide(error.read().decode(errors="replace").strip(), [password])
        raise StepFailed("clickhouse", message[-500:]) from None
    except OSError as error:
        raise StepFailed("clickhouse", f"ClickHouse does not answer: {error}") from None


def lines_of(output: bytes) -> list[str]:
    """Return a store's output line by line; a value may hold what Python, too, takes for a line's end (U+2028)."""
    text = output.decode()
    return text.removesuffix("\n").split("\n") if text else []


def missing_migrations(project: str, migrations: dict[str, Any], secrets: dict[str, str]) -> dict[str, list[str]]:
    """Return the migration files, by store, that the ledgers do not show as applied.

    The migration program exits 0 when it fails, so the ledgers are the only proof: Flyway's
    flyway_schema_history and Helicone's helicone_migrations. Files that the pinned version is known
    never to apply (`allowed_absent`) do not count. A store without a ledger lacks all its files.
    """
    allowed = set(migrations["allowed_absent"])
    return {
        store: [name for name in migrations[store]["files"] if name not in names and name not in allowed]
        for store, names in applied_migrations(project, migrations, secrets).items()
    }


def applied_migrations(project: str, migrations: dict[str, Any], secrets: dict[str, str]) -> dict[str, set[str]]:
    """Return the names of the migration files that each store's ledger shows as applied."""
    return {
        "postgres": _flyway_scripts(project, migrations["postgres"], secrets["postgres"]),
        "clickhouse": _clickhouse_names(project, migrations["clickhouse"], secrets["clickhouse"]),
    }


def _flyway_scripts(project: str, settings: dict[str, Any], password: str) -> set[str]:
    exists = postgres(project, settings, password, "select to_regclass('flyway_schema_history') is not null;")
    if exists != ["t"]:
        return set()
    rows = postgres(project, settings, password, "select script from flyway_schema_history where success;")
    return {Path(row).name for row in rows}


def _clickhouse_names(project: str, settings: dict[str, Any], password: str) -> set[str]:
    if clickhouse(project, settings, password, "EXISTS TABLE default.helicone_migrations") != ["1"]:
        return set()
    return set(clickhouse(project, settings, password, "SELECT migration_name FROM default.helicone_migrations"))


def set_hql_password(project: str, settings: dict[str, Any], secrets: dict[str, str]) -> None:
    """Give ClickHouse's hql_user the vault's password: upstream's migration creates it without one."""
    quoted = secrets["clickhouse_hql"].replace("\\", "\\\\").replace("'", "\\'")
    try:
        clickhouse(project, settings, secrets["clickhouse"], f"ALTER USER IF EXISTS hql_user IDENTIFIED BY '{quoted}'")
    except StepFailed as failure:  # ClickHouse quotes a statement that it refuses
        raise StepFailed(failure.step, hide(failure.message, [quoted, secrets["clickhouse_hql"]])) from None
