"""The fleet on one page."""

from __future__ import annotations

import time

import pytest

from gateway.commands import fleet_report as module
from gateway.commands.fleet_report import FleetReport
from gateway.commands.status import status
from gateway.commands.watch import watch
from gateway.errors import ConfigurationError, UnreachableError
from gateway.report.latencies import HOUR
from gateway.transport.conversation import AgentError
from gateway.verify.report import Failure, VerifyReport
from tests.unit.commands.test_apikey import lines
from tests.unit.commands.test_usage import ROWS
from tests.unit.situations import release, running
from tests.unit.talks import SECRETS, Talk, project

RECORDER = {
    "waiting": 1200, "waiting_bytes": 3 << 20, "spool_limit": 1 << 30, "oldest_seconds": 90.0,
    "delivered_per_second": 5.0, "dropped_total": 0, "gaps_total": 0, "refused_total": 0,
}  # fmt: skip


def clickhouse(_event, sql, **_):
    if "toStartOfHour" not in sql:
        return ROWS
    name = "gpt-4o-mini-2024-07-18-with-a-name-that-is-long" if "SELECT model" in sql else "a" * 16
    hour = int(time.time() // HOUR) * HOUR
    return lines(*({"name": name, "hour": str(hour - ago * HOUR), "p50_ms": 812.5, "p99_ms": 4000} for ago in range(3)))


@pytest.fixture
def hosts(monkeypatch):
    """Return what hosts answer; app2 does not, and the checks find one failure that names a secret."""
    snapshot = running(release(), edge={"authority": "", "keys_age": 1, "recorder": RECORDER})
    seen = {}

    def verify_hosts(inventory, vault, conversations, names, traced):
        seen.update(names=names, traced=traced)
        message = f"it says {SECRETS['postgres_password']} and hunter22"
        return VerifyReport(900, 899, (Failure("app1", "jawn is <well>", message),), 2.5, {"app1": 600, "data1": 300})

    monkeypatch.setattr(module, "verify_hosts", verify_hosts)
    monkeypatch.setattr(module, "own_secrets", lambda _: set(SECRETS.values()))
    names = lines({"fingerprint": "a" * 16, "name": "team <a>", "revoked": False})
    return seen, {
        name: Talk({"snapshot": snapshot, "clickhouse": clickhouse, "postgres": names}) for name in ("app1", "data1")
    }


@pytest.fixture
def ours(tmp_path, monkeypatch, hosts):
    return project(tmp_path, monkeypatch, hosts[1])


def page_of(ours, tmp_path, as_json=False):
    path = tmp_path / "fleet.html"
    with pytest.raises(UnreachableError, match="1 of 3 hosts did not answer"):
        status(ours.inventory, as_json, FleetReport(ours, path))
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text()


def test_it_tells_hosts_checks_backlog_and_traffic_also_when_a_host_is_gone(ours, hosts, tmp_path, capsys):
    page = page_of(ours, tmp_path)
    for words in (
        "2 of 3 hosts are well.", "899 of 900 checks hold.", "1,200 records wait on app1", "no connection: timed out",
        "jawn is &lt;well&gt;", "1200 records wait for Helicone", "gpt-4o-mini-2024-07-18", "team &lt;a&gt;",
        "12,345,678 requests", "latency of gpt-4o-mini", '<polyline class="curve p50_ms"', "hour of the day",
    ):  # fmt: skip
        assert words in page, words
    assert hosts[0] == {"names": ["app1", "data1"], "traced": False}  # a look sends no request to a provider
    assert "the report is in" in capsys.readouterr().out


def test_no_secret_is_in_it(ours, tmp_path):
    page = page_of(ours, tmp_path)
    assert "it says [redacted] and [redacted]" in page
    for secret in (*SECRETS.values(), "hunter22"):
        assert secret not in page


def test_what_cannot_be_asked_is_told_with_its_reason(ours, hosts, tmp_path, monkeypatch, capsys):
    def lost(*_, **__):
        raise UnreachableError("the connection was lost", where="app1")

    monkeypatch.setattr(module, "verify_hosts", lost)
    hosts[1]["data1"].answers["clickhouse"] = AgentError("data1", {"step": "clickhouse", "message": "no answer"})
    page = page_of(ours, tmp_path, as_json=True)
    assert "app1: the connection was lost" in page
    assert "ClickHouse cannot be asked: no answer" in page
    assert capsys.readouterr().out == ""


def test_a_fleet_without_its_data_host_has_no_traffic(ours, hosts, tmp_path):
    del hosts[1]["data1"]
    path = tmp_path / "fleet.html"
    with pytest.raises(UnreachableError):
        status(ours.inventory, True, FleetReport(ours, path))
    assert "data1, through which ClickHouse is asked, did not answer" in path.read_text()


def test_a_report_is_of_one_look(ours, tmp_path):
    with pytest.raises(ConfigurationError, match="one look"):
        watch(ours.inventory, False, tmp_path / "fleet.html")
