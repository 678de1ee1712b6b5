"""What passed the gateway."""

from __future__ import annotations

import re

import pytest

from gateway.commands.stores import Stores
from gateway.commands.usage import KEY, UNNOTED, figures, hourly, usage
from gateway.errors import ConfigurationError, UnreachableError
from gateway.transport.conversation import AgentError
from tests.unit.commands.test_apikey import lines
from tests.unit.talks import Talk, project


def row(name, requests="3", kind="key", **more):
    return {
        "kind": kind, "name": name, "requests": requests, "errors": "1", "tokens_in": "120", "tokens_out": 45,
        "units": "2500000", "half": 812.4, "most": 2031.0, **more,
    }  # fmt: skip


ROWS = lines(
    row("", requests="12345678", kind="total"),
    row("gpt-4o-mini-2024-07-18-with-a-name-that-is-long", kind="model"),
    row("", requests="1", kind="model", half=None, most=None),
    *(row(name) for name in ("a" * 16, "b" * 16, "c" * 16, "")),
)
NAMES = lines(
    {"fingerprint": "a" * 16, "name": "team-a", "revoked": False},
    {"fingerprint": "b" * 16, "name": "team-b", "revoked": True},
)


@pytest.fixture
def data():
    return Talk({"clickhouse": ROWS, "postgres": NAMES})


@pytest.fixture
def ours(tmp_path, monkeypatch, data):
    return project(tmp_path, monkeypatch, {"data1": data})


def test_figures_are_numbers_whatever_clickhouse_writes():
    assert figures(row("m")) == {
        "name": "m", "requests": 3, "errors": 1, "tokens_in": 120, "tokens_out": 45, "cost_usd": 0.0025,
        "p50_ms": 812, "p95_ms": 2031,
    }  # fmt: skip
    assert figures({"name": "m", "units": None, "half": None})["p50_ms"] is None


def test_by_model_and_by_key_with_the_keys_names(ours, data):
    result = usage(ours, "2h", as_json=True)
    assert result["since_seconds"] == 7200
    assert [one["name"] for one in result["keys"]] == ["team-a", "team-b", "c" * 16, UNNOTED]
    assert [one["revoked"] for one in result["keys"]] == [False, True, False, False]
    assert result["keys"][0]["fingerprint"] == "a" * 16
    assert result["total"]["requests"] == 12345678
    [sql] = data.statements("clickhouse")  # one: what arrives between two would be in the one and not in the other
    assert "INTERVAL 7200 SECOND" in sql
    assert "FINAL" in sql


def test_latencies_by_hour_are_numbers_under_their_names(ours, data):
    data.answers["clickhouse"] = lines(
        {"name": "m", "hour": 7200, "p50_ms": 12.5, "p99_ms": 80},
        {"name": "m", "hour": "10800", "p50_ms": None, "p99_ms": None},
    )
    stores = Stores(ours.inventory, ours.opened_vault, {"data1": data})
    assert hourly(stores, KEY, 86400) == {
        "m": [{"hour": 7200, "p50_ms": 12.5, "p99_ms": 80.0}, {"hour": 10800, "p50_ms": None, "p99_ms": None}]
    }
    [sql] = data.statements("clickhouse")
    assert "properties['gateway-key'] AS name" in sql
    assert "INTERVAL 86400 SECOND" in sql


def test_it_is_readable_at_100_columns(ours, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    usage(ours, "24h", as_json=False)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(len(line) for line in shown.splitlines()) <= 100
    for words in ("12345678 requests in the last 24h: 1 errors", "team-b (revoked)", "(no model)", "0.0025", "2031"):
        assert words in shown


def test_nothing_at_all_is_said_in_a_line(ours, data, capsys):
    data.answers["clickhouse"] = {"lines": []}
    assert usage(ours, "24h", as_json=False)["total"]["requests"] == 0
    assert capsys.readouterr().out == "0 requests in the last 24h: 0 errors, 0 tokens in, 0 out, 0.0000 $\n"


def test_without_postgresql_keys_have_no_names(ours, data, capsys):
    data.answers["postgres"] = AgentError("data1", {"step": "db", "message": "it is down"})
    assert usage(ours, "24h", as_json=False)["keys"][0]["name"] == "a" * 16
    assert "it is down" in capsys.readouterr().out


def test_without_clickhouse_there_is_nothing_to_show(ours, data):
    data.answers["clickhouse"] = AgentError("data1", {"step": "clickhouse", "message": "it is down"})
    with pytest.raises(UnreachableError, match="ClickHouse cannot be asked: it is down"):
        usage(ours, "24h", as_json=False)


def test_a_time_that_is_none_asks_nobody(ours, data):
    with pytest.raises(ConfigurationError, match="no length of time"):
        usage(ours, "yesterday", as_json=False)
    assert data.asked == []
