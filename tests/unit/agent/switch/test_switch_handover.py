"""Services that are replaced beside themselves, and the live files that they read."""

from __future__ import annotations

import pytest

from gateway.agent import switch as module
from gateway.agent.failure import StepFailed
from gateway.agent.stage import stage
from tests.unit.situations import release, service


@pytest.fixture
def edge(host, monkeypatch):
    """Give the release 4-d whose edge is replaced beside itself and reads a live file."""
    gateway = service("gateway", "edge", handover=True, live=["live/gateway/routes.yaml"])
    services = [service("door", "edge"), gateway, service("recorder", "edge", handover=True), service("jawn")]
    made = release(*services, files={".env": "", "live/gateway/routes.yaml": "new routes"})
    stage(host.store, "4-d", made.pack("4-d"))

    def bring_up(store, project, wanted, *_):
        routes = store.root / "live/gateway/routes.yaml"
        host.done.append(("bring_up", store.current(), [wanted["name"]], routes.read_text()))
        error = host.broken.get(("bring_up", store.current()))
        if error:
            raise error

    monkeypatch.setattr(module.handover, "bring_up", bring_up)
    return host


def test_what_can_is_handed_over_one_by_one_after_what_owns_its_network(edge):
    edge.switch("4-d")
    steps = [entry for entry in edge.done if entry[0] in ("up", "bring_up")]
    assert steps == [
        ("up", "4-d", ["jawn"]),
        ("up", "4-d", ["door"]),
        ("bring_up", "4-d", ["gateway"], "new routes"),
        ("bring_up", "4-d", ["recorder"], "new routes"),
    ]


def test_a_failed_handover_brings_back_the_old_release_and_its_live_files(edge):
    gateway = service("gateway", "edge", handover=True, live=["live/gateway/routes.yaml"])
    old = release(gateway, files={".env": "", "live/gateway/routes.yaml": "old routes"})
    stage(edge.store, "5-e", old.pack("5-e"))
    edge.switch("5-e")
    edge.broken["bring_up", "4-d"] = StepFailed("start gateway", "gateway is unhealthy")
    with pytest.raises(StepFailed, match="gateway is unhealthy") as caught:
        edge.switch("4-d")
    assert caught.value.kind == "failed"
    assert edge.store.current() == "5-e"
    assert (edge.store.root / "live/gateway/routes.yaml").read_text() == "old routes"
    assert edge.done[-2][:3] == ("bring_up", "5-e", ["gateway"])
