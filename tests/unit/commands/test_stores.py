"""Asking the stores through the host that reaches them."""

from __future__ import annotations

import pytest

from gateway.commands.stores import clickhouse_host, literal, open_stores
from gateway.errors import UnreachableError
from gateway.transport.conversation import AgentError
from tests.unit.situations import load
from tests.unit.talks import Talk, project


def failure(step, message):
    return AgentError("data1", {"step": step, "message": message})


def test_only_the_hosts_that_are_needed_are_connected_to(tmp_path, monkeypatch):
    data = Talk({"postgres": {"lines": ['{"id":1,"name":"a|b"}']}, "clickhouse": {"lines": ['{"n":"2"}']}})
    with open_stores(project(tmp_path, monkeypatch, {"data1": data}, limit="app1")) as stores:
        assert stores.postgres("select 1") == [{"id": 1, "name": "a|b"}]
        assert stores.clickhouse("SELECT 2") == [{"n": "2"}]
    assert data.closed
    (_, asked), (_, asked_too) = data.asked
    assert asked["password"] == "the-postgres-password"
    assert asked["sql"] == "with found as (select 1) select row_to_json(found) from found;"
    assert asked["project"] == "helicone-trial"
    assert (asked_too["password"], asked_too["sql"]) == ("the-clickhouse-password", "SELECT 2 FORMAT JSONEachRow")


@pytest.mark.parametrize("verb", ["postgres", "clickhouse"])
def test_a_store_that_does_not_answer_is_unreachable(tmp_path, monkeypatch, verb):
    talks = {"data1": Talk({verb: failure("db", "no container of db is running")})}
    with (
        open_stores(project(tmp_path, monkeypatch, talks)) as stores,
        pytest.raises(UnreachableError, match=r"data1: db: .*cannot be asked: no container of db is running"),
    ):
        getattr(stores, verb)("select 1")


def test_a_host_that_does_not_answer_is_unreachable(tmp_path, monkeypatch):
    with (
        pytest.raises(UnreachableError, match="data1: connect"),
        open_stores(project(tmp_path, monkeypatch, {})),
    ):
        pass


def test_an_external_clickhouse_is_asked_through_an_app_host(tmp_path):
    outside = load(tmp_path, "clickhouse.mode=external", "clickhouse.url=http://10.0.0.9:8123")
    assert clickhouse_host(outside).name == "app1"
    assert clickhouse_host(load(tmp_path)).name == "data1"


@pytest.mark.parametrize(
    ("text", "sql"),
    [("a", "E'a'"), ("o'c", "E'o''c'"), ("\\'; drop", "E'\\\\''; drop'"), ("a\0b", "E'ab'"), ("ü|\n", "E'ü|\n'")],
)
def test_a_text_stays_a_text_in_sql(text, sql):
    assert literal(text) == sql
