"""The databases as the agent asks them."""

from __future__ import annotations

import re

import pytest

from gateway.agent import stores
from gateway.agent.failure import StepFailed
from gateway.secret_names import SECRET_NAMES

BUNDLED = {"mode": "bundled", "user": "postgres", "database": "helicone"}
EXTERNAL = {**BUNDLED, "mode": "external", "image": "postgres:17", "host": "pg.example.com", "port": 6432}
PASSWORD = "a-password-that-nobody-sees"


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Put a `docker` on PATH that writes down its arguments, environment and input, and answers."""
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\necho "$@" >{tmp_path}/arguments\nenv >{tmp_path}/environment\ncat >{tmp_path}/input\necho "1|2"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(stores.engine, "container_of", lambda *_: {"Id": "abc"})
    return lambda name: (tmp_path / name).read_text()


def test_the_bundled_postgres_needs_no_password(docker):
    assert stores.postgres("helicone-trial", BUNDLED, PASSWORD, "select 1;") == ["1|2"]
    assert docker("arguments").startswith("exec --interactive abc psql")
    assert PASSWORD not in docker("arguments") + docker("environment")
    assert docker("input") == "select 1;"


def test_an_external_postgres_gets_it_through_the_environment(docker):
    stores.postgres("helicone-trial", EXTERNAL, PASSWORD, "select 1;")
    assert PASSWORD not in docker("arguments")
    assert f"PGPASSWORD={PASSWORD}" in docker("environment")
    assert "--host pg.example.com --port 6432" in docker("arguments")


def test_psqls_message_is_the_failure(tmp_path, docker):
    (tmp_path / "docker").write_text("#!/bin/sh\ncat >/dev/null\necho 'FATAL: no' >&2\nexit 2\n")
    with pytest.raises(StepFailed, match="FATAL: no"):
        stores.postgres("helicone-trial", BUNDLED, PASSWORD, "select 1;")


def test_clickhouses_second_password_is_quoted(monkeypatch):
    statements = []
    monkeypatch.setattr(stores, "clickhouse", lambda *arguments: statements.append(arguments[-1]))
    stores.set_hql_password("p", {}, {"clickhouse": "x", "clickhouse_hql": "it's a \\ secret"})
    assert statements == ["ALTER USER IF EXISTS hql_user IDENTIFIED BY 'it\\'s a \\\\ secret'"]


def test_a_refused_statement_does_not_show_the_password(monkeypatch):
    def refuse(*arguments):
        raise StepFailed("clickhouse", f"Syntax error in {arguments[-1]}")

    monkeypatch.setattr(stores, "clickhouse", refuse)
    with pytest.raises(StepFailed, match=r"\[redacted\]") as caught:
        stores.set_hql_password("p", {}, {"clickhouse": "x", "clickhouse_hql": PASSWORD})
    assert PASSWORD not in caught.value.message


GATEWAY_SECRETS = {"postgres": "pg", "clickhouse": "ch", "gateway_stores": PASSWORD}
SETTINGS = {"postgres": BUNDLED, "clickhouse": {}}


def test_the_edges_users_are_made_by_sql_on_standard_input(docker, monkeypatch):
    statements = []
    monkeypatch.setattr(stores, "clickhouse", lambda *arguments: statements.append(arguments[2:]))
    stores.set_up_gateway_users("p", SETTINGS, GATEWAY_SECRETS)
    sql = docker("input")
    assert f"alter role helicone_gateway with login nosuperuser nocreatedb nocreaterole password '{PASSWORD}';" in sql
    assert "do $$ begin" in sql
    assert PASSWORD not in docker("arguments") + docker("environment")
    assert statements == [
        ("ch", f"CREATE USER IF NOT EXISTS helicone_gateway IDENTIFIED BY '{PASSWORD}'"),
        ("ch", f"ALTER USER helicone_gateway IDENTIFIED BY '{PASSWORD}'"),
        ("ch", "GRANT SELECT(request_id, request_created_at) ON default.request_response_rmt TO helicone_gateway"),
    ]


def test_the_edges_user_may_ask_for_hashes_of_keys_that_are_valid_and_for_nothing_else(docker, monkeypatch):
    monkeypatch.setattr(stores, "clickhouse", lambda *_: None)
    stores.set_up_gateway_users("p", SETTINGS, GATEWAY_SECRETS)
    sql = " ".join(docker("input").split())
    grants = [statement for statement in sql.split(";") if statement.strip().startswith("grant")]
    assert [statement.strip() for statement in grants] == [
        "grant usage on schema helicone_gateway to helicone_gateway",
        "grant execute on function helicone_gateway.active_keys() to helicone_gateway",
    ]
    assert "where not soft_delete and key_permissions like '%w%'" in sql
    assert "security definer set search_path = pg_catalog" in sql
    assert "revoke all on function helicone_gateway.active_keys() from public" in sql


def test_a_refused_user_does_not_show_its_password(tmp_path, docker, monkeypatch):
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'ERROR: syntax error in' >&2; cat >&2\nexit 3\n")
    with pytest.raises(StepFailed, match="ERROR: syntax error") as caught:
        stores.postgres("p", BUNDLED, "pg", f"password '{PASSWORD}'")
    assert PASSWORD in caught.value.message  # so that the next line proves something
    with pytest.raises(StepFailed) as caught:
        stores.set_up_gateway_users("p", SETTINGS, GATEWAY_SECRETS)
    assert PASSWORD not in caught.value.message


def test_a_user_that_clickhouse_refuses_does_not_show_its_password_either(docker, monkeypatch):
    def refuse(*arguments):
        raise StepFailed("clickhouse", f"Not enough privileges: {arguments[-1]}")

    monkeypatch.setattr(stores, "clickhouse", refuse)
    with pytest.raises(StepFailed, match=r"Not enough privileges: .*\[redacted\]") as caught:
        stores.set_up_gateway_users("p", SETTINGS, GATEWAY_SECRETS)
    assert PASSWORD not in caught.value.message


def test_the_passwords_of_the_vault_need_no_quotes_in_sql():
    """They are put between quotes as they are."""
    described = SECRET_NAMES["gateway_stores_password"]
    assert described.make is not None
    for _ in range(50):
        assert re.fullmatch(r"[A-Za-z0-9._~-]{12,}", described.make())


MIGRATIONS = {
    "postgres": {"files": ["V1.sql", "V2.sql"]},
    "clickhouse": {"files": ["schema_1.sql", "schema_79.sql"]},
    "allowed_absent": ["schema_79.sql"],
}


@pytest.mark.parametrize(
    ("postgres", "clickhouse", "missing"),
    [
        ({"V1.sql", "V2.sql"}, {"schema_1.sql"}, {"postgres": [], "clickhouse": []}),
        ({"V1.sql"}, {"schema_1.sql"}, {"postgres": ["V2.sql"], "clickhouse": []}),
        (set(), set(), {"postgres": ["V1.sql", "V2.sql"], "clickhouse": ["schema_1.sql"]}),
    ],
)
def test_what_the_ledgers_lack(monkeypatch, postgres, clickhouse, missing):
    monkeypatch.setattr(stores, "_flyway_scripts", lambda *_: postgres)
    monkeypatch.setattr(stores, "_clickhouse_names", lambda *_: clickhouse)
    assert stores.missing_migrations("p", MIGRATIONS, {"postgres": "x", "clickhouse": "y"}) == missing


def test_only_successful_scripts_of_an_existing_ledger_count(monkeypatch):
    answers = [["t"], ["postgres/V1.sql"]]
    asked = []

    def postgres(*arguments):
        asked.append(arguments[-1])
        return answers.pop(0)

    monkeypatch.setattr(stores, "postgres", postgres)
    assert stores._flyway_scripts("p", {}, "x") == {"V1.sql"}  # noqa: SLF001
    assert asked[1].endswith("where success;")
