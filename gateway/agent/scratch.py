"""Stores that are there for one drill: other names, no published port, no volume that lives on, no way out."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import clickhouse_copy, content, dump, engine
from .backup_settings import Settings
from .failure import StepFailed
from .store import Store

_PATIENCE = 180.0  # seconds until a fresh store answers


@contextmanager
def postgres(settings: Settings, folder: Path) -> Iterator[content.Ask]:
    """Yield a function that asks a scratch PostgreSQL into which the dump in `folder` was loaded."""
    user, database = settings.postgres["user"], settings.postgres["database"]
    with _container(settings, "db", [], {"POSTGRES_USER": user, "POSTGRES_DB": database}, "POSTGRES_PASSWORD") as name:

        def ready() -> bool:
            """Tell whether it accepts connections: over TCP, which it does not while it initialises."""
            command = ["docker", "exec", name, "pg_isready", "-q", "-h", "127.0.0.1", "-U", user]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0

        _wait(name, ready)
        dump.load(name, user, database, folder)
        yield lambda sql: dump.sql(name, user, database, sql)


@contextmanager
def clickhouse(store: Store, settings: Settings, folder: Path) -> Iterator[content.Ask]:
    """Yield a function that asks a scratch ClickHouse into which the backup in `folder` was restored."""
    configuration = store.current_link / "clickhouse" / "backups.xml"
    mounts = [
        f"{configuration.resolve()}:/etc/clickhouse-server/config.d/backups.xml:ro",
        f"{folder}:/var/lib/clickhouse/{clickhouse_copy.FOLDER}/drill",
    ]
    password = secrets.token_hex(16)
    fixed = {"CLICKHOUSE_USER": "default", "CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT": "1"}
    with _container(settings, "clickhouse", mounts, fixed, "CLICKHOUSE_PASSWORD", password) as name:
        inspected = engine.ask(f"/containers/{name}/json")
        ask = clickhouse_copy.asking(f"http://{engine.address(inspected)}:8123", "default", password)

        def ready() -> bool:
            """Tell whether it answers a query."""
            try:
                return ask("SELECT 1") == ["1"]
            except StepFailed:
                return False

        _wait(name, ready)
        clickhouse_copy.load(ask, "drill")
        yield ask


def clear(settings: Settings) -> None:
    """Remove what a drill that was cut off may have left."""
    for service in ("db", "clickhouse"):
        subprocess.run(["docker", "rm", "--force", "--volumes", _name(settings, service)],
                       capture_output=True, check=False)  # fmt: skip
    subprocess.run(["docker", "network", "rm", f"{settings.project}-drill"], capture_output=True, check=False)


def _name(settings: Settings, service: str) -> str:
    return f"{settings.project}-drill-{service}"


@contextmanager
def _container(
    settings: Settings, service: str, mounts: list[str], fixed: dict[str, str], key: str, password: str = ""
) -> Iterator[str]:
    """Run a store's image on a network that leads nowhere; remove both, and the data, at the end."""
    network = f"{settings.project}-drill"
    _docker("network", "create", "--internal", network)
    environment = {**fixed, key: password or secrets.token_hex(16)}
    try:
        _docker(
            "run", "--detach", "--name", _name(settings, service), "--network", network,
            "--memory", settings.memory, "--cpus", str(settings.cpus), "--cpu-shares", "128",
            *(part for name in environment for part in ("--env", name)),
            *(part for mount in mounts for part in ("--volume", mount)), settings.services[service],
            environment=environment,
        )  # fmt: skip
        yield _name(settings, service)
    finally:
        clear(settings)


def _wait(name: str, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not ready():
        if time.monotonic() > deadline or not engine.ask(f"/containers/{name}/json")["State"]["Running"]:
            raise StepFailed("scratch store", f"{name} does not come up", logs=engine.logs(name))
        time.sleep(0.3)


def _docker(*arguments: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    if done.returncode:
        raise StepFailed("scratch store", done.stderr.decode(errors="replace").strip()[-500:])
