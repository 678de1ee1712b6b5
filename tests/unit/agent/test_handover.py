"""A successor starts beside the one that serves, which leaves when the other is well."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gateway.agent import engine, handover
from gateway.agent.failure import StepFailed
from gateway.agent.store import Store
from tests.unit.situations import service

PROJECT = "helicone-trial"
WANTED = {**service("gateway", "edge", handover=True), "hash": "new"}


def made(name, hash_="old", created="2026-01-01T10:00:00Z", running=True, network="bridge", stop=675):
    image = service(name.rsplit("-")[0])["image"]
    return {
        "Id": f"id-of-{name}", "Name": f"/{name}", "Created": created,
        "State": {"Running": running, "Status": "running" if running else "exited", "StartedAt": created},
        "Config": {
            "Labels": {"com.docker.compose.service": name.rsplit("-")[0], engine.HASH_LABEL: hash_},
            "StopTimeout": stop, "Image": image,
        },
        "HostConfig": {"NetworkMode": network},
    }  # fmt: skip


class Engine:
    """An engine whose containers are a list; Compose adds one to it, the program `docker` writes down its words."""

    def __init__(self, folder: Path, monkeypatch):
        self.containers = []
        self.scaled = []
        self.checked = []
        self.started = []
        self.events = []
        self.sick = ""  # what the new one suffers from
        self.notes = folder / "docker.log"
        program = folder / "docker"
        program.write_text(f'#!/bin/sh\necho "$@" >>{self.notes}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setattr(engine, "all_containers", lambda _: list(self.containers))
        monkeypatch.setattr(engine, "remove", self.remove)
        monkeypatch.setattr(handover.compose, "run", self.compose)
        monkeypatch.setattr(handover.compose, "start", self.started.append)
        monkeypatch.setattr(handover.health, "wait_until_ready", self.wait)
        monkeypatch.setattr(handover.health, "wait_for_own_check", lambda *arguments: self.checked.append(arguments[1]))
        self.store = Store(str(folder / "trial"))

    def remove(self, identifiers):
        gone = set(identifiers)
        self.containers = [one for one in self.containers if one["Id"] not in gone]

    def compose(self, arguments, *_):
        self.scaled.append(arguments[arguments.index("--scale") + 1])
        self.containers.append(made("gateway-9", "new", "2026-01-01T12:00:00Z"))

    def wait(self, _project, names, *_):
        self.checked.append(names)
        if self.sick:
            raise StepFailed("start gateway", self.sick)

    def bring_up(self):
        handover.bring_up(self.store, PROJECT, WANTED, 5, str, lambda **event: self.events.append(event))

    def names(self):
        return [one["Name"] for one in self.containers]

    def said_to_docker(self, count):
        """Return what the program `docker` was told, when that is `count` lines: nobody waits for a leaving one."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            lines = self.notes.read_text().splitlines() if self.notes.exists() else []
            if len(lines) >= count:
                return lines
            time.sleep(0.005)
        return lines


@pytest.fixture
def docker(tmp_path, monkeypatch):
    return Engine(tmp_path, monkeypatch)


def test_the_first_one_is_simply_started(docker):
    docker.bring_up()
    assert docker.scaled == ["gateway=1"]
    assert docker.checked == [["gateway"]]
    assert not docker.notes.exists()


def test_a_new_definition_starts_beside_the_old_one_which_is_renamed_and_then_stopped(docker):
    docker.containers = [made("gateway-1")]
    docker.bring_up()
    assert docker.scaled == ["gateway=2"]
    assert docker.said_to_docker(3) == [
        "rename id-of-gateway-1 gateway-1-leaving-id-of-",
        "stop -t 675 id-of-gateway-1",
        "rm id-of-gateway-1",
    ]
    assert "the old one finishes" in docker.events[-1]["text"]


def test_it_is_compose_that_makes_it_and_touches_no_other(docker, monkeypatch):
    given = []
    monkeypatch.setattr(handover.compose, "run", lambda arguments, *_: given.append(arguments))
    docker.bring_up()
    (arguments,) = given
    words = arguments[arguments.index("up") :]
    assert words == [
        *("up", "--detach", "--no-deps", "--no-build", "--pull", "never", "--no-recreate"),
        *("--scale", "gateway=1", "gateway"),
    ]


def test_a_successor_that_does_not_get_well_is_removed_and_the_old_one_serves_on(docker):
    docker.containers = [made("gateway-1"), made("gateway-0-leaving-abc")]
    docker.sick = "gateway is unhealthy"
    with pytest.raises(StepFailed, match="gateway is unhealthy"):
        docker.bring_up()
    assert docker.scaled == ["gateway=3"]
    assert docker.names() == ["/gateway-1", "/gateway-0-leaving-abc"]
    assert not docker.notes.exists()


def test_the_same_definition_is_left_alone_but_asked_whether_it_is_well_now(docker):
    docker.containers = [made("gateway-1", "new")]
    docker.bring_up()
    assert (docker.scaled, docker.checked, docker.started) == ([], [["gateway"]], [])
    assert not docker.notes.exists()


def test_of_two_that_serve_the_newest_stays(docker):
    """As after a deploy that was cut off between the start of one and the end of the other."""
    docker.containers = [made("gateway-1", "new"), made("gateway-2", "new", "2026-01-01T11:00:00Z")]
    docker.bring_up()
    assert docker.scaled == []
    assert docker.said_to_docker(3)[0].startswith("rename id-of-gateway-1 ")


def test_one_that_stands_still_is_started(docker):
    docker.containers = [made("gateway-1", "new", running=False)]
    docker.bring_up()
    assert docker.started == ["id-of-gateway-1"]
    assert docker.scaled == []


def test_those_that_left_while_nobody_looked_are_cleared_away_and_those_that_still_work_are_not(docker):
    docker.containers = [
        made("gateway-1", "new"),
        made("gateway-2-leaving-abc", running=False),
        made("gateway-3-leaving-def"),
    ]
    docker.bring_up()
    assert docker.names() == ["/gateway-1", "/gateway-3-leaving-def"]


@pytest.mark.parametrize(
    "door",
    [
        [],
        [made("door-1", created="2026-01-01T10:30:00Z")],
    ],
    ids=["the owner is gone", "the owner was started anew"],
)
def test_one_whose_network_is_gone_makes_room_first(docker, door):
    docker.containers = [made("gateway-1", "new", network="container:id-of-door-1"), *door]
    docker.bring_up()
    assert docker.scaled == ["gateway=1"]
    assert "/gateway-1" not in docker.names()


def test_one_that_lives_in_its_owners_network_serves_on(docker):
    door = made("door-1", created="2026-01-01T09:00:00Z")
    docker.containers = [made("gateway-1", "new", network="container:id-of-door-1"), door]
    docker.bring_up()
    assert docker.scaled == []
    assert docker.names() == ["/gateway-1", "/door-1"]


def test_a_container_that_never_ran_is_not_stranded(docker):
    door = made("door-1", created="2026-01-01T09:00:00Z")
    waiting = made("gateway-1", "new", network="container:id-of-door-1", running=False)
    waiting["State"]["StartedAt"] = "0001-01-01T00:00:00Z"
    docker.containers = [waiting, door]
    docker.bring_up()
    assert docker.started == ["id-of-gateway-1"]


def test_one_without_a_time_to_stop_of_its_own_gets_dockers(docker):
    docker.containers = [made("gateway-1", stop=None)]
    docker.bring_up()
    assert docker.said_to_docker(3)[1] == "stop -t 10 id-of-gateway-1"
