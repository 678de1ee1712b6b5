"""Services that a release does not have on a host: stopped in good order and in their own time, then removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.agent import engine, removal

PROJECT = "helicone-trial"
STOP = {"gateway": 675, "recorder": 60, "door": 5, "jawn": 40}


def made(service, network="bridge", name="", running=True):
    return {
        "Id": f"id-{name or service}", "Name": f"/{name or service}-1",
        "State": {"Running": running},
        "Config": {"Labels": {"com.docker.compose.service": service}, "StopTimeout": STOP.get(service)},
        "HostConfig": {"NetworkMode": network},
    }  # fmt: skip


class Docker:
    """An engine whose containers are a list; the program `docker` writes down its words when it is done with them."""

    def __init__(self, folder: Path, monkeypatch):
        self.containers = []
        self.events = []
        self.states = []  # what the recorder says of itself, one after the other; the last one for good
        self.now = 1000.0
        self.notes = folder / "docker.log"
        program = folder / "docker"
        program.write_text(f'#!/bin/sh\nsleep 0.05\necho "$@" >>{self.notes}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setattr(engine, "services", lambda _: [(o["Id"], engine.service_of(o)) for o in self.containers])
        monkeypatch.setattr(engine, "all_containers", self.inspected)
        monkeypatch.setattr(removal.edge_state, "look", lambda _: {"recorder": self.state()})
        monkeypatch.setattr(removal.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(removal.time, "sleep", self.sleep)

    def inspected(self, _, wanted):
        return [one for one in self.containers if engine.service_of(one) in wanted]

    def state(self):
        said = self.said().count("stop -t 675 id-gateway")
        if not self.states:
            return None
        assert said or not any(engine.service_of(one) == "gateway" for one in self.containers)
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def sleep(self, seconds):
        self.now += seconds

    def remove_others(self, *services):
        removal.remove_others(PROJECT, services, lambda **event: self.events.append(event["text"]))

    def said(self):
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def docker(tmp_path, monkeypatch):
    return Docker(tmp_path, monkeypatch)


def edge():
    return [
        made("door"), made("recorder", "container:id-door"), made("gateway", "container:id-door"), made("jawn"),
    ]  # fmt: skip


def test_a_jawn_that_goes_too_takes_the_last_records_first(docker):
    docker.containers = [*edge()[:-1], made("egress"), made("jawn", "container:id-egress")]
    docker.remove_others("db")
    assert docker.said().index("stop -t 60 id-recorder") < docker.said().index("stop -t 40 id-jawn")


def test_gateway_recorder_and_the_owner_of_their_network_are_stopped_in_this_order_each_in_its_time(docker):
    docker.containers = edge()
    docker.remove_others("jawn")
    assert docker.said() == [
        "stop -t 675 id-gateway",
        "stop -t 60 id-recorder",
        "stop -t 5 id-door",
        "rm --force id-door id-recorder id-gateway",
    ]
    assert docker.events == ["stop door, gateway, recorder: each may finish what it is answering"]


def test_where_nothing_is_to_go_nothing_is_inspected(docker, monkeypatch):
    docker.containers = edge()
    monkeypatch.setattr(engine, "all_containers", lambda *_: pytest.fail("inspected"))
    docker.remove_others("door", "gateway", "recorder", "jawn")
    assert docker.said() == docker.events == []


def test_one_without_a_time_of_its_own_gets_dockers(docker):
    docker.containers = [made("by-hand")]
    docker.remove_others("jawn")
    assert docker.said() == ["stop -t 10 id-by-hand", "rm --force id-by-hand"]


def test_the_recorder_goes_when_it_has_delivered_what_the_gateway_left(docker):
    docker.containers = edge()
    docker.states = [
        {"waiting": 0, "age": 0.1},  # from before the gateway ended
        {"waiting": 2, "age": 0.1},
        {"waiting": 2, "age": 0.1},
        {"waiting": 0, "age": 0.1},
    ]
    docker.remove_others("jawn")
    assert docker.now == 1003.0
    assert "stop -t 60 id-recorder" in docker.said()
    assert len(docker.events) == 1


@pytest.mark.parametrize(("age", "waited"), [(0.1, 60), (3600, 0)], ids=["it cannot deliver", "it does not run"])
def test_a_recorder_is_not_waited_for_for_ever_and_what_it_leaves_is_told(docker, age, waited):
    docker.containers = edge()
    docker.states = [{"waiting": 7, "age": age}]
    docker.remove_others("jawn")
    assert docker.now == 1000.0 + waited
    assert "7 records wait for Helicone in the volume helicone-trial-recorder" in docker.events[-1]
    assert docker.said()[-1].startswith("rm --force")


def test_a_predecessor_that_still_answers_is_waited_for_and_left_to_whoever_sent_it_away(docker):
    leaving = made("gateway", name=f"gateway-{engine.LEAVING}-abc")
    over = made("gateway", name=f"gateway-{engine.LEAVING}-def", running=False)
    docker.containers = [leaving, over]
    docker.remove_others("jawn")
    assert docker.said()[-1] == f"rm --force {over['Id']}"
    assert f"stop -t 675 {leaving['Id']}" in docker.said()
