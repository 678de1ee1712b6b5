"""What stands still while the stores change, each on the hosts that have it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.commands.writers import READERS, WRITERS, all_halted, halt, resume
from gateway.console import Reporter
from gateway.plan.operations import Run
from gateway.transport.conversation import AgentError
from tests.unit.fake_fleet import Fleet
from tests.unit.situations import load


@pytest.fixture
def fleet(tmp_path):
    return Fleet(load(tmp_path))


def test_each_host_is_asked_for_what_its_roles_have(fleet, monkeypatch):
    asked = []
    monkeypatch.setattr(Run, "ask", lambda self, host, verb, **words: asked.append((host, verb, words["services"])))
    hosts = fleet.run.inventory.hosts
    inventory = replace(fleet.run.inventory, hosts={**hosts, "app2": replace(hosts["app2"], roles=("app",))})
    halt(replace(fleet.run, inventory=inventory), (*WRITERS, *READERS))
    assert sorted(asked) == [("app1", "halt", ["jawn", "web", "keys"]), ("app2", "halt", ["jawn", "web"])]


def test_what_they_stand_still_for_is_said_when_the_stores_change_and_else_not(fleet, monkeypatch):
    reasons = []
    monkeypatch.setattr(Run, "ask", lambda _, __, verb, **words: reasons.append((verb, words.get("reason"))))
    halt(fleet.run, ["web"])
    with all_halted(fleet.run, "ann's restore"):
        pass
    assert reasons == [("halt", "")] * 2 + [("halt", "ann's restore")] * 2 + [("resume", None)] * 2


def test_what_was_stopped_starts_again_whatever_happens(fleet):
    fleet.answers["app2", "halt"] = AgentError("app2", {"step": "halt", "message": "no Docker"})
    with pytest.raises(AgentError), all_halted(fleet.run, "a restore"):
        pytest.fail("not all stood still")
    assert sorted(one[:2] for one in fleet.asked if one[1] == "resume") == [("app1", "resume"), ("app2", "resume")]


def test_what_does_not_come_back_is_told(fleet, capsys):
    fleet.answers["app1", "resume"] = AgentError("app1", {"step": "start jawn", "message": "jawn exited"})
    assert list(resume(replace(fleet.run, reporter=Reporter()), ["jawn"])) == ["app1"]
    assert "jawn did not come back" in capsys.readouterr().err
