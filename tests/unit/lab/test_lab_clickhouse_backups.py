"""BACKUP and RESTORE of the ClickHouse stand-in: tables by the engine, users by a file beside them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from gateway.agent import clickhouse_copy

IMAGE = Path(__file__).resolve().parents[3] / "lab" / "images" / "clickhouse"


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    monkeypatch.syspath_prepend(str(IMAGE))
    return importlib.import_module("backups"), importlib.import_module("access")


def users(access: Any, folder: Path) -> Any:
    folder.mkdir()
    return access.Users(folder / "users.json", {})


def test_users_travel_with_the_tables(parts: tuple[Any, Any], tmp_path: Path) -> None:
    backups, access = parts
    old, new = users(access, tmp_path / "old"), users(access, tmp_path / "new")
    old.manage("default", "CREATE USER hql_user IDENTIFIED BY 'one'")
    asked: list[bytes] = []
    where = str(tmp_path / "set")
    (tmp_path / "set").mkdir()

    def run(statement: bytes) -> bytes:
        asked.append(statement)
        return b"done"

    def ask(sql: str, held: Any) -> list[str]:
        answer = backups.carry_out(sql.replace("/var/lib/clickhouse/backups/x", where).encode(), run, held, tmp_path)
        return [] if answer is None else [answer.decode()]

    clickhouse_copy.save(lambda sql: ask(sql, old), "x")
    clickhouse_copy.load(lambda sql: ask(sql, new), "x")
    assert all(b"system." not in statement for statement in asked)
    assert [statement.split()[0] for statement in asked] == [b"BACKUP", b"RESTORE", b"RESTORE"]
    new.log_in("hql_user", "one")


def test_users_that_are_there_stay_as_they_are(parts: tuple[Any, Any], tmp_path: Path) -> None:
    _, access = parts
    old, new = users(access, tmp_path / "old"), users(access, tmp_path / "new")
    old.manage("default", "CREATE USER hql_user IDENTIFIED BY 'one'")
    new.manage("default", "CREATE USER hql_user IDENTIFIED BY 'two'")
    new.add_missing(old.export())
    new.log_in("hql_user", "two")


def test_other_statements_are_for_the_engine(parts: tuple[Any, Any], tmp_path: Path) -> None:
    backups, _ = parts
    assert backups.carry_out(b"SELECT 'BACKUP'", lambda _: b"", None, tmp_path) is None


def test_the_folder_for_backups_comes_from_the_mounted_configuration(parts: tuple[Any, Any], tmp_path: Path) -> None:
    backups, _ = parts
    assert backups.configuration(tmp_path) is None
    (tmp_path / "other.xml").write_text("<clickhouse/>")
    source = (IMAGE.parents[2] / "templates" / "data" / "backups.xml.j2").read_text()
    (tmp_path / "backups.xml").write_text(source)
    assert backups.configuration(tmp_path) == tmp_path / "backups.xml"
