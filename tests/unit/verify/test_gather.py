"""Who looks for the row of a traced request, and what becomes of the checks where nobody can."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.secret import Secret
from gateway.vault import Vault
from gateway.verify.checks import check_of
from gateway.verify.gather import gather
from gateway.verify.outside import Answer
from gateway.verify.run import _notes
from gateway.verify.target import Target
from gateway.verify.traced import Trace
from roles.edge.verify import test_traced_request as checks
from tests.unit.situations import load, release, running, service
from tests.unit.talks import Talk

HOSTS = """
all:
  hosts:
    edge1: {connection: {address: 10.0.0.1}, private_address: 10.0.0.1}
    app1: {connection: {address: 10.0.0.2}, private_address: 10.0.0.2}
    data1: {connection: {address: 10.0.0.3}, private_address: 10.0.0.3}
  children:
    edge: {hosts: {edge1: }}
    app: {hosts: {app1: }}
    data: {hosts: {data1: }}
"""
DOOR = service("door", "edge", ports=[["10.0.0.1", 8787, 8787], ["10.0.0.1", 3000, 3000]])
SERVICES = {"edge1": DOOR, "app1": service("jawn"), "data1": service("clickhouse", "data")}
STORED, CONTENT = check_of(checks.test_stored), check_of(checks.test_stored_content)


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Target]:
    """Return a door, a worker and a keeper of the data, each on a host of its own; a row is in the store."""
    inventory = load(tmp_path, hosts=HOSTS)
    vault = Vault({"clickhouse_password": Secret("the-clickhouse-password")})
    monkeypatch.setattr("gateway.verify.gather._gather_one", lambda *_: None)
    found: dict[str, Target] = {}
    for name, only in SERVICES.items():
        talk: Any = Talk({"clickhouse": {"lines": ["200\tsmall"]}})
        seen = running(release(only))
        found[name] = Target(name, SimpleNamespace(), talk, inventory.hosts[name], inventory, vault, seen)
    answer = Answer(200, {"helicone-id": "an-id"}, "{}")
    found["edge1"].trace = Trace("an-id", "small", True, 60, answer, {"response_status": 200})
    return found


def verify(fleet: dict[str, Target], *names: str) -> Target:
    """Let the named hosts look; return the one with the door."""
    gather([fleet[name] for name in names], dict.fromkeys(names, ()), True)
    return fleet["edge1"]


@pytest.mark.parametrize("other", ["app1", "data1"])
def test_a_host_that_reaches_the_store_is_asked_for_the_row(fleet: dict[str, Target], other: str) -> None:
    edge = verify(fleet, "edge1", other)
    assert [verb for verb, _ in fleet[other].conversation.asked] == ["clickhouse"]  # type: ignore[attr-defined]
    assert STORED.applies(edge)
    assert CONTENT.applies(edge)
    checks.test_stored(edge, "traced request")
    checks.test_stored_content(edge, "traced request")
    assert not any("ClickHouse" in note for note in _notes([edge], True))


def test_a_store_that_no_named_host_reaches_is_a_note_and_fails_nothing(fleet: dict[str, Target]) -> None:
    edge = verify(fleet, "edge1")
    assert not STORED.applies(edge)
    assert not CONTENT.applies(edge)
    assert check_of(checks.test_listed).applies(edge)
    [note] = _notes([edge], True)
    assert note.startswith("edge1: ClickHouse was not asked for the traced request")


def test_a_store_that_should_have_answered_still_fails(fleet: dict[str, Target]) -> None:
    fleet["data1"].conversation.answers["clickhouse"] = {"lines": []}  # type: ignore[attr-defined]
    edge = verify(fleet, "edge1", "data1")
    with pytest.raises(AssertionError, match="is not in ClickHouse"):
        checks.test_stored(edge, "traced request")


def test_nobody_looks_for_what_the_gateway_refused(fleet: dict[str, Target]) -> None:
    assert fleet["edge1"].trace
    fleet["edge1"].trace.answer = Answer(503)
    edge = verify(fleet, "edge1", "data1")
    assert fleet["data1"].conversation.asked == []  # type: ignore[attr-defined]
    assert STORED.applies(edge)
