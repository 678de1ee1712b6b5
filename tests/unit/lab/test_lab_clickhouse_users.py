"""SQL users of the ClickHouse stand-in: their logins, and the columns that they were granted."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

IMAGE = Path(__file__).resolve().parents[3] / "lab" / "images" / "clickhouse"
GRANT = "GRANT SELECT(request_id, request_created_at) ON default.request_response_rmt TO helicone_gateway"
ORGANIZATION = {"SQL_helicone_organization_id": "6ac2e1a7-7c9d-4a39-9b1d-0f6a3f1d2c11"}


@pytest.fixture
def access(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(IMAGE))
    return importlib.import_module("access")


@pytest.fixture
def users(access: Any, tmp_path: Path) -> Any:
    made = access.Users(tmp_path / "users.json", {})
    made.manage("default", "CREATE USER IF NOT EXISTS helicone_gateway IDENTIFIED BY 'one'")
    made.manage("default", GRANT)
    return made


@pytest.mark.parametrize(
    "query",
    [
        "SELECT toString(request_id) FROM default.request_response_rmt WHERE request_id IN ('a', 'status')",
        "SELECT DISTINCT request_id AS found FROM request_response_rmt FINAL WHERE request_id IN {ids:Array(UUID)}",
        "SELECT request_id FROM request_response_rmt WHERE request_created_at > now() - INTERVAL 1 DAY FORMAT JSON",
        "SELECT count() FROM `default`.`request_response_rmt` WHERE request_id = 'x'::UUID ORDER BY request_created_at",
        "select t.request_id from default.request_response_rmt as t limit 1 by request_id",
        "SELECT 1",
    ],
)
def test_granted_columns_are_read_without_an_organization(users: Any, query: str) -> None:
    assert users.restrict("helicone_gateway", query, {}) == {}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("SELECT * FROM default.request_response_rmt", "SELECT(*)"),
        ("SELECT t.* FROM request_response_rmt AS t", "SELECT(*)"),
        ("SELECT request_id, request_body FROM default.request_response_rmt", "SELECT(request_body)"),
        ("SELECT request_id FROM default.request_response_rmt WHERE status = 200", "SELECT(status)"),
        ("SELECT status AS status FROM default.request_response_rmt", "SELECT(status)"),
        ("SELECT request_id FROM request_response_rmt, helicone_migrations", "SELECT(helicone_migrations)"),
        ("SELECT length(`response_body`) FROM default.request_response_rmt", "SELECT(response_body)"),
        ("SELECT migration_name FROM helicone_migrations", "SELECT ON default.helicone_migrations"),
        ("SELECT request_id FROM request_response_rmt JOIN other.t ON 1", "SELECT ON other.t"),
        ("SELECT * FROM url('http://x', 'CSV')", "SELECT ON url"),
        ("SELECT name FROM system.users", ""),
        ("INSERT INTO request_response_rmt (request_id) VALUES ('x')", ""),
        ("DROP TABLE request_response_rmt", ""),
    ],
)
def test_anything_else_is_refused_and_named(users: Any, access: Any, query: str, named: str) -> None:
    with pytest.raises(access.QueryError) as caught:
        users.restrict("helicone_gateway", query, ORGANIZATION)
    assert caught.value.code == 497
    assert named in caught.value.text


def test_helicones_own_user_is_confined_to_its_organization_whatever_it_was_granted(users: Any, access: Any) -> None:
    users.manage("default", "CREATE USER IF NOT EXISTS hql_user IDENTIFIED WITH no_password")
    users.manage("default", "GRANT SELECT ON default.request_response_rmt TO hql_user")
    query = "SELECT status FROM request_response_rmt"
    assert "organization_id" in users.restrict("hql_user", query, ORGANIZATION)["additional_table_filters"]
    with pytest.raises(access.QueryError, match="Unknown setting"):
        users.restrict("hql_user", query, {})


def test_without_a_grant_or_after_a_revoke_nothing_is_readable(users: Any, access: Any) -> None:
    query = "SELECT request_id FROM default.request_response_rmt"
    users.manage("default", "CREATE USER other IDENTIFIED BY 'x'")
    users.manage("default", "REVOKE ALL ON *.* FROM helicone_gateway")
    for name in ("other", "helicone_gateway"):
        with pytest.raises(access.QueryError, match="privileges"):
            users.restrict(name, query, {})


def test_a_grant_of_the_whole_table_is_one_for_every_column(users: Any) -> None:
    users.manage("default", "GRANT SELECT ON default.request_response_rmt TO helicone_gateway")
    assert users.restrict("helicone_gateway", "SELECT * FROM request_response_rmt", {}) == {}


def test_a_grant_to_nobody_and_by_another_user_fails(users: Any, access: Any) -> None:
    with pytest.raises(access.QueryError, match="no user `nobody`"):
        users.manage("default", GRANT.replace("helicone_gateway", "nobody"))
    with pytest.raises(access.QueryError, match="privileges"):
        users.manage("helicone_gateway", GRANT)


def test_a_changed_password_keeps_the_grants_and_both_outlive_a_restart(
    access: Any, users: Any, tmp_path: Path
) -> None:
    users.manage("default", "ALTER USER helicone_gateway IDENTIFIED BY 'two'")
    again = access.Users(tmp_path / "users.json", {})
    again.log_in("helicone_gateway", "two")
    with pytest.raises(access.QueryError, match="password is incorrect"):
        again.log_in("helicone_gateway", "one")
    assert again.restrict("helicone_gateway", "SELECT request_id FROM request_response_rmt", {}) == {}
    assert "two" not in (tmp_path / "users.json").read_text()


def test_the_file_of_an_older_volume_is_read(access: Any, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps({"hql_user": None}))
    access.Users(tmp_path / "old.json", {}).log_in("hql_user", "")
