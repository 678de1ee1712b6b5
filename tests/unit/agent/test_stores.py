"""The databases as the agent asks them."""

from __future__ import annotations

import pytest

from gateway.agent import stores
from gateway.agent.failure import StepFailed

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


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        ("", []),
        ("one\n", ["one"]),
        ("one\n\ntwo\n", ["one", "", "two"]),
        ('{"name":"a\u2028b\u0085c\x0bd"}\n', ['{"name":"a\u2028b\u0085c\x0bd"}']),
    ],
)
def test_a_value_with_what_python_takes_for_a_lines_end_stays_one_line(output, lines):
    assert stores.lines_of(output.encode()) == lines
