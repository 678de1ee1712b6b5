"""Who may log in to the bundled PostgreSQL, as SQL on standard input."""

from __future__ import annotations

import pytest

from gateway.agent import logins
from gateway.agent.failure import StepFailed

PROJECT = "helicone-trial"
PASSWORD = "a-password-that-nobody-sees"
OLDER = {"POSTGRES_USER": "postgres", "POSTGRES_DATABASE": "helicone", "POSTGRES_PASSWORD": PASSWORD}
RELEASE = {**OLDER, "POSTGRES_LOGIN": "helicone_1a2b3c4d"}
BUNDLED = {"mode": "bundled", "user": "postgres", "database": "helicone"}
EXTERNAL = {**BUNDLED, "mode": "external", "image": "postgres:17", "host": "pg.example.com", "port": 6432}


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Put a `docker` on PATH that writes down what it is given and says what `said` holds, with code 2 if anything."""
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\necho "$@" >{tmp_path}/arguments\nenv >{tmp_path}/environment\ncat >{tmp_path}/input\n'
        f"[ -s {tmp_path}/said ] || exit 0\ncat {tmp_path}/said >&2\nexit 2\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    container = {"Id": "abc", "NetworkSettings": {"Networks": {"n": {"IPAddress": "10.9.8.7"}}}}
    monkeypatch.setattr(logins.engine, "container_of", lambda *_: container)
    return tmp_path


def read(docker, name):
    return " ".join((docker / name).read_text().split())


def test_a_release_gets_a_login_of_its_own_and_nobody_loses_one(docker):
    logins.accept(PROJECT, RELEASE)
    sql = read(docker, "input")
    assert 'create role "helicone_1a2b3c4d"' in sql
    assert f"nosuperuser nocreatedb nocreaterole password '{PASSWORD}';" in sql
    assert 'grant "postgres" to "helicone_1a2b3c4d"; alter role "helicone_1a2b3c4d" set role to \'postgres\';' in sql
    assert "drop" not in sql
    assert PASSWORD not in read(docker, "arguments") + read(docker, "environment")


def test_an_older_release_logs_in_as_the_owner(docker):
    logins.accept(PROJECT, OLDER)
    assert read(docker, "input") == f"alter role \"postgres\" with password '{PASSWORD}';"


def test_what_stands_in_a_hand_made_file_is_quoted(docker):
    logins.accept(PROJECT, {**OLDER, "POSTGRES_USER": 'x" y', "POSTGRES_PASSWORD": "it's"})
    assert read(docker, "input") == "alter role \"x\"\" y\" with password 'it''s';"


def test_all_other_logins_go_with_their_connections(docker):
    logins.forget_others(PROJECT, RELEASE)
    sql = read(docker, "input")
    assert "rolname ~ '^helicone_[0-9a-f]{8}$' and rolname <> 'helicone_1a2b3c4d'" in sql
    assert sql.index("pg_terminate_backend") < sql.index("drop role %I")
    assert sql.endswith('alter role "postgres" with password null;')


def test_the_owner_keeps_its_password_while_an_older_release_needs_it(docker):
    logins.forget_others(PROJECT, OLDER)
    assert "password null" not in read(docker, "input")


def test_a_refused_statement_does_not_show_the_password(docker):
    (docker / "said").write_text(f"ERROR: syntax error at {PASSWORD}")
    with pytest.raises(StepFailed, match=r"syntax error at \[redacted\]"):
        logins.accept(PROJECT, RELEASE)


def test_a_login_is_tried_from_an_address_that_is_not_trusted(docker):
    assert logins.lets_in(PROJECT, BUNDLED, "postgres", PASSWORD) is True
    arguments = read(docker, "arguments")
    assert "--env PGPASSWORD" in arguments
    assert "--host 10.9.8.7 --username postgres --dbname helicone" in arguments
    assert PASSWORD not in arguments


@pytest.mark.parametrize("settings", [BUNDLED, EXTERNAL], ids=["bundled", "external"])
@pytest.mark.parametrize(
    "said",
    ['FATAL:  password authentication failed for user "postgres"', 'FATAL:  role "helicone_1a2b3c4d" does not exist'],
)
def test_a_refusal_is_no(docker, settings, said):
    (docker / "said").write_text(said)
    assert logins.lets_in(PROJECT, settings, "postgres", PASSWORD) is False


@pytest.mark.parametrize("settings", [BUNDLED, EXTERNAL], ids=["bundled", "external"])
def test_no_answer_is_neither_yes_nor_no(docker, settings):
    (docker / "said").write_text("could not connect to server: Connection refused")
    with pytest.raises(StepFailed, match="Connection refused"):
        logins.lets_in(PROJECT, settings, "postgres", PASSWORD)


def test_an_external_postgres_is_asked_as_the_user_that_is_meant(docker):
    assert logins.lets_in(PROJECT, EXTERNAL, "helicone_gateway", PASSWORD) is True
    assert "--username helicone_gateway" in read(docker, "arguments")
