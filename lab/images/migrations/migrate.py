"""STAND-IN (lab only): applies the lab's migration files and keeps the two ledgers as Helicone's tools do.

PostgreSQL like Flyway: in order of version, each file with its ledger row in one transaction, an
error ends the program. ClickHouse like Helicone's own script: goes on after an error and ends with 0.
LAB_MIGRATION_FAIL names a file that fails, LAB_MIGRATION_DELAY gives seconds to wait before each store.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

LEDGER = """create table if not exists flyway_schema_history (
    installed_rank integer primary key, version text, description text not null, type text not null, script text not null,
    checksum integer, installed_by text not null default current_user, installed_on timestamp not null default now(),
    execution_time integer not null default 0, success boolean not null
);
"""
FAILING = os.environ.get("LAB_MIGRATION_FAIL", "")


def psql(sql: str) -> str:
    """Run SQL where FLYWAY_URL says; an error ends the program with psql's code."""
    address = urlsplit(os.environ["FLYWAY_URL"].removeprefix("jdbc:"))
    options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]
    place = ["--host", str(address.hostname), "--port", str(address.port or 5432), "--dbname", address.path.lstrip("/")]
    done = subprocess.run(
        ["psql", *options, *place, "--username", os.environ["FLYWAY_USER"]],
        input=sql, text=True, stdout=subprocess.PIPE, check=False,
        env={**os.environ, "PGPASSWORD": os.environ["FLYWAY_PASSWORD"]},
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def postgres() -> None:
    """Apply what the ledger lacks."""
    psql(LEDGER)
    applied = set(psql("select script from flyway_schema_history where success").splitlines())
    files = sorted(Path("/app/supabase").glob("*/*.sql"), key=lambda file: file.name)
    pending = [file for file in files if file.name not in applied]
    script = []
    for rank, file in enumerate(pending, start=len(applied) + 1):
        version, _, description = file.stem.partition("_")
        content = "select 1 / 0;" if file.name == FAILING else file.read_text()
        columns = "(installed_rank, version, description, type, script, checksum, success)"
        values = f"({rank}, '{version}', '{description}', 'SQL', '{file.name}', 0, true)"
        script.append(f"begin;\n{content}\ninsert into flyway_schema_history {columns} values {values};\ncommit;\n")
    psql("".join(script))
    print(f"PostgreSQL: {len(pending)} migrations applied")


def ask(sql: str) -> str:
    """Run a statement on ClickHouse and return its answer. Raises HTTPError."""
    request = urllib.request.Request(os.environ["CLICKHOUSE_HOST"], data=sql.encode())
    request.add_header("X-ClickHouse-User", os.environ.get("CLICKHOUSE_USER", "default"))
    request.add_header("X-ClickHouse-Key", os.environ.get("CLICKHOUSE_PASSWORD", ""))
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read().decode()


def clickhouse() -> None:
    """Apply what the ledger lacks; report what fails and go on."""
    ask(
        "CREATE TABLE IF NOT EXISTS helicone_migrations (migration_name String, applied_date DateTime DEFAULT now())"
        " ENGINE = MergeTree() ORDER BY migration_name"
    )
    applied = set(ask("SELECT migration_name FROM helicone_migrations").splitlines())
    files = sorted(Path("/app/clickhouse/migrations").glob("*.sql"), key=lambda file: int(file.stem.split("_")[1]))
    done = []
    for file in files:
        if file.name in applied:
            continue
        try:
            ask("SELECT throwIf(1)" if file.name == FAILING else file.read_text())
            done.append(file.name)
        except urllib.error.HTTPError as error:
            print(f"failed: {file.name}: {error.read().decode()[:200]}")
    if done:
        ask("INSERT INTO helicone_migrations (migration_name) VALUES " + ", ".join(f"('{name}')" for name in done))
    print(f"ClickHouse: {len(done)} migrations applied")


if __name__ == "__main__":
    time.sleep(float(os.environ.get("LAB_MIGRATION_DELAY", "0")))
    {"postgres": postgres, "clickhouse": clickhouse}[sys.argv[1]]()
