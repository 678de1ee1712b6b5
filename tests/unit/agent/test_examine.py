"""What a host reaches, and what it is."""

from __future__ import annotations

import socket

import pytest

from gateway.agent import examine as module
from gateway.agent.examine import addresses, examine


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_place_that_answers_or_refuses_was_reached_and_a_name_that_is_none_was_not(listening):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    found = examine([["127.0.0.1", listening], ["127.0.0.1", closed], ["nowhere.invalid", 443]], [])["places"]
    assert [(one["problem"] == "", one["refused"]) for one in found] == [(True, False), (True, True), (False, False)]
    assert "cannot be resolved" in found[2]["problem"]
    assert [one["name"] for one in found] == ["127.0.0.1", "127.0.0.1", "nowhere.invalid"]


def test_silence_is_told_with_how_long_it_lasted(monkeypatch):
    def silent(*_, **__):
        raise TimeoutError("timed out")

    monkeypatch.setattr(module.socket, "create_connection", silent)
    [place] = examine([["10.255.255.1", 1]], [])["places"]
    assert place["problem"] == "no answer within 5 s"


def test_the_hosts_own_addresses_are_found():
    assert "127.0.0.1" in addresses()


def test_files_and_the_system(tmp_path):
    there = tmp_path / "there"
    there.write_text("x")
    found = examine([], [str(there), str(tmp_path / "not")])
    assert found["files"] == {str(there): True, str(tmp_path / "not"): False}
    assert found["system"]
    assert found["places"] == []
