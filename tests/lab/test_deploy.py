"""A deployed lab: it answers, it is recorded, and deploying it again changes nothing."""

from __future__ import annotations

import json
import re
import socket
import time
import uuid

import pytest

from tests.lab.budgets import MARK, NO_CHANGES, ONE_VARIABLE, PLAN, ROLLBACK, VERIFY
from tests.lab.command import ADDRESSES, all_containers, clickhouse, gateway, http, lab, secret
from tests.lab.counting import typed

pytestmark = pytest.mark.usefixtures("deployed")


@pytest.mark.parametrize("host", ["app1", "app2"])
def test_a_completion_is_answered_and_found_in_clickhouse(host):
    identifier = str(uuid.uuid4())
    status, headers, text = http(
        "POST", f"{gateway(host)}/chat/completions",
        {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]},
        Authorization="Bearer sk-test", Helicone_Auth=f"Bearer {secret('helicone_api_key')}",
        Helicone_Request_Id=identifier,
    )  # fmt: skip
    assert status == 200, text
    assert headers["helicone-id"] == identifier
    assert json.loads(text)["choices"]
    rows = _rows(identifier)
    assert rows == ["200\tgpt-4o-mini"]


def _rows(identifier: str) -> list[str]:
    for _ in range(240):
        rows = clickhouse(f"SELECT status, model FROM request_response_rmt WHERE request_id = '{identifier}'")
        if rows:
            return rows
        time.sleep(0.5)
    return []


def test_deploying_again_changes_nothing_with_one_connection_and_one_exec_per_host():
    before = all_containers()
    result = typed(NO_CHANGES)
    assert result.code == 0, result.text
    assert "no changes" in result.out
    assert all_containers() == before


def test_verify_is_green_over_one_connection_per_host_with_enough_checks(tmp_path):
    result = typed(VERIFY, "--json", "--junit", str(tmp_path / "checks.xml"))
    assert result.code == 0, result.text
    report = result.data()
    assert report["hosts"]["app1"] >= 60
    assert report["hosts"]["app2"] >= 60
    assert report["hosts"]["data1"] >= 40
    assert report["seconds"] < 15  # what the operator was promised; it takes a fraction of it
    assert (tmp_path / "checks.xml").read_text().count("<testcase") == report["total"]


def test_one_variable_is_one_line_and_restarts_only_jawn():
    plan = typed(PLAN, "--json", "--set", MARK)
    assert plan.code == 0, plan.text
    for host in ("app1", "app2"):
        changed = [
            line for diff in plan.data()["hosts"][host]["diffs"].values() for line in diff.splitlines()
            if re.match(r"[+-](?![+-])", line)
        ]  # fmt: skip
        assert len(changed) == 1, changed
        assert "LAB_MARK" in changed[0]
        assert [change["service"] for change in plan.data()["hosts"][host]["services"]] == ["jawn"]
    assert plan.data()["hosts"]["data1"] == {
        "diffs": {}, "services": [], "altered": [], "migrations": {}, "undo": "",
    }  # fmt: skip

    before = all_containers()
    result = typed(ONE_VARIABLE)
    assert result.code == 0, result.text
    after = all_containers()
    restarted = {
        (host, service) for host in after for service in after[host] if after[host][service] != before[host][service]
    }
    assert restarted == {("app1", "jawn"), ("app2", "jawn")}


def test_rollback_brings_the_previous_release_back_and_keeps_the_data():
    rows = int(clickhouse("SELECT count() FROM request_response_rmt")[0])
    runs = lab("status", "--json").data()["hosts"]["app1"]["release"]
    result = typed(ROLLBACK)
    assert result.code == 0, result.text
    status = lab("status", "--json").data()["hosts"]
    assert {host["state"] for host in status.values()} == {"ok"}
    assert int(status["app1"]["release"].partition("-")[0]) < int(runs.partition("-")[0])
    assert int(clickhouse("SELECT count() FROM request_response_rmt")[0]) >= rows
    history = lab("history", "--json").data()["history"]
    assert history[-1]["command"] == "rollback"
    assert history[-1]["outcome"] == "good"


@pytest.mark.parametrize(
    ("host", "port"), [("data1", 5432), ("data1", 8123), ("data1", 9000), ("app1", 8585), ("app1", 9101)]
)
def test_a_host_outside_reaches_neither_the_stores_nor_jawn_nor_the_egress(host, port):
    with pytest.raises(OSError, match=r"timed out|refused"):
        socket.create_connection((ADDRESSES[host], port), 2)


def test_a_caller_without_key_is_refused():
    hits = json.loads(http("GET", "http://172.30.87.6:8080/lab/hits")[2])["total"]
    status, _, text = http("POST", f"{gateway('app1')}/chat/completions", {"model": "m", "messages": []})
    assert status == 401
    assert json.loads(text)["error"]["type"] == "invalid_request_error"
    assert json.loads(http("GET", "http://172.30.87.6:8080/lab/hits")[2])["total"] == hits
