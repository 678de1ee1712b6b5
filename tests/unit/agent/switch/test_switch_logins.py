"""Logins to the stores: let in before anything needs them, and forgotten where they are kept."""

from __future__ import annotations

import pytest

from gateway.agent import switch as module
from gateway.agent.failure import StepFailed
from gateway.agent.stage import stage
from tests.unit.agent.switch.switched_host import PROJECT, SERVICES
from tests.unit.situations import release


def test_a_login_is_let_in_before_anything_needs_it_and_again_when_going_back(host):
    host.switch("1-a")
    assert [entry[0] for entry in host.done].index("accept") < host.done.index(("up", "1-a", ["jawn"]))
    host.done.clear()
    host.broken["up", "2-b"] = StepFailed("start jawn", "jawn exited")
    with pytest.raises(StepFailed):
        host.switch("2-b")
    assert ("accept", "8585") in host.done


def test_logins_are_forgotten_where_they_are_kept(host, monkeypatch):
    forgotten = []
    monkeypatch.setattr(module.logins, "forget_others", lambda _, values: forgotten.append(values["PORT"]))
    monkeypatch.setattr(module.gateway_users, "forget_others", lambda *arguments: forgotten.append(arguments[2:]))
    files = {".env": 'PORT="1"\nGATEWAY_STORES_LOGIN=one\nCLICKHOUSE_PASSWORD=ch\n', "compose.override.yml": ""}
    made = release(*SERVICES, files=files)
    made.manifest["migrations"] = {"clickhouse": {}, "postgres": {}, "allowed_absent": []}
    stage(host.store, "7-g", made.pack("7-g"))
    host.store.point_to("7-g")
    module.forget_logins(host.store, PROJECT)
    assert forgotten == ["1", ({"clickhouse": "ch"}, "one")]
