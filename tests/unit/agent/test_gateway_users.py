"""The edge's own users of the stores, as SQL."""

from __future__ import annotations

import re

import pytest

from gateway.agent import stores
from gateway.agent.failure import StepFailed
from gateway.agent.gateway_users import GROUP, accept, forget_others
from gateway.secret_names import SECRET_NAMES

BUNDLED = {"mode": "bundled", "user": "postgres", "database": "helicone"}
PASSWORD = "a-password-that-nobody-sees"
LOGIN = "helicone_gateway_1a2b3c4d"


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Put a `docker` on PATH that writes down its arguments, environment and input, and answers."""
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\necho "$@" >{tmp_path}/arguments\nenv >{tmp_path}/environment\ncat >{tmp_path}/input\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(stores.engine, "container_of", lambda *_: {"Id": "abc"})
    return lambda name: (tmp_path / name).read_text()


GATEWAY_SECRETS = {"postgres": "pg", "clickhouse": "ch", "gateway_stores": PASSWORD}
SETTINGS = {"postgres": BUNDLED, "clickhouse": {}}


def test_the_edges_users_are_made_by_sql_on_standard_input(docker, monkeypatch):
    statements = []
    monkeypatch.setattr(stores, "clickhouse", lambda *arguments: statements.append(arguments[2:]))
    accept("p", SETTINGS, GATEWAY_SECRETS, LOGIN)
    sql = docker("input")
    assert f"alter role {LOGIN} with login nosuperuser nocreatedb nocreaterole password '{PASSWORD}';" in sql
    assert "do $$ begin" in sql
    assert PASSWORD not in docker("arguments") + docker("environment")
    assert statements == [
        ("ch", f"CREATE USER IF NOT EXISTS {LOGIN} IDENTIFIED BY '{PASSWORD}'"),
        ("ch", f"ALTER USER {LOGIN} IDENTIFIED BY '{PASSWORD}'"),
        ("ch", f"GRANT SELECT(request_id, request_created_at) ON default.request_response_rmt TO {LOGIN}"),
    ]


def test_the_edges_user_may_ask_for_hashes_of_keys_that_are_valid_and_for_nothing_else(docker, monkeypatch):
    monkeypatch.setattr(stores, "clickhouse", lambda *_: None)
    accept("p", SETTINGS, GATEWAY_SECRETS, LOGIN)
    sql = " ".join(docker("input").split())
    grants = [statement for statement in sql.split(";") if statement.strip().startswith("grant")]
    assert [statement.strip() for statement in grants] == [
        "grant usage on schema helicone_gateway to helicone_gateway",
        "grant execute on function helicone_gateway.active_keys() to helicone_gateway",
        f"grant helicone_gateway to {LOGIN}",
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
        accept("p", SETTINGS, GATEWAY_SECRETS, LOGIN)
    assert PASSWORD not in caught.value.message


def test_a_user_that_clickhouse_refuses_does_not_show_its_password_either(docker, monkeypatch):
    def refuse(*arguments):
        raise StepFailed("clickhouse", f"Not enough privileges: {arguments[-1]}")

    monkeypatch.setattr(stores, "clickhouse", refuse)
    with pytest.raises(StepFailed, match=r"Not enough privileges: .*\[redacted\]") as caught:
        accept("p", SETTINGS, GATEWAY_SECRETS, LOGIN)
    assert PASSWORD not in caught.value.message


def test_the_passwords_of_the_vault_need_no_quotes_in_sql():
    """They are put between quotes as they are."""
    described = SECRET_NAMES["gateway_stores_password"]
    assert described.make is not None
    for _ in range(50):
        assert re.fullmatch(r"[A-Za-z0-9._~-]{12,}", described.make())


def test_an_older_release_has_the_group_itself_as_its_user(docker, monkeypatch):
    monkeypatch.setattr(stores, "clickhouse", lambda *_: None)
    accept("p", SETTINGS, GATEWAY_SECRETS, GROUP)
    assert f"alter role {GROUP} with login" in docker("input")
    assert f"grant {GROUP} to" not in docker("input")


def clickhouse_with(users, statements):
    def clickhouse(*arguments):
        statements.append(arguments[-1])
        return users if arguments[-1] == "SHOW USERS" else []

    return clickhouse


def test_all_other_users_of_the_edge_go_and_nobody_elses(docker, monkeypatch):
    statements = []
    users = ["default", "hql_user", GROUP, "helicone_gateway_00000000", LOGIN, "helicone_gateway_of_somebody"]
    monkeypatch.setattr(stores, "clickhouse", clickhouse_with(users, statements))
    forget_others("p", SETTINGS, GATEWAY_SECRETS, LOGIN)
    assert statements[1:] == [f"DROP USER IF EXISTS {GROUP}", "DROP USER IF EXISTS helicone_gateway_00000000"]
    sql = docker("input")
    assert f"rolname ~ '^helicone_gateway_[0-9a-f]{{8}}$' and rolname <> '{LOGIN}'" in sql
    assert "alter role helicone_gateway with nologin password null;" in sql


def test_the_group_may_log_in_while_an_older_release_needs_it(docker, monkeypatch):
    statements = []
    monkeypatch.setattr(stores, "clickhouse", clickhouse_with([GROUP, LOGIN], statements))
    forget_others("p", SETTINGS, GATEWAY_SECRETS, GROUP)
    assert statements[1:] == [f"DROP USER IF EXISTS {LOGIN}"]
    assert "nologin" not in docker("input")
