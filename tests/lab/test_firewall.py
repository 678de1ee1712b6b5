"""What a foreign host sees of the fleet, on every port, whatever restarts, and that nobody is ever locked out."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.command import ADDRESSES, ROOT, lab, on_host

STRANGER = "helicone-lab-stranger"
PRIVATE = "172.30.88.13"
EDGE = [22, 3000, 8787]
CLOSED = {"172.30.87.11": EDGE, "172.30.87.12": EDGE, "172.30.87.13": [22]}
DEBUGGING = "python3 -m http.server --bind 0.0.0.0 9999"  # what somebody forgot on data1


@pytest.fixture(scope="module")
def stranger(deployed: None) -> Iterator[None]:
    """Bring up a host on both of the lab's networks that is none of the environment's."""
    subprocess.run(["docker", "rm", "--force", STRANGER], capture_output=True, check=False)
    run = ["docker", "run", "--detach", "--init", "--name", STRANGER, "--network", "helicone-lab", "--ip"]
    run += ["172.30.87.200", "--cap-add", "NET_ADMIN", "--entrypoint", "sleep", "helicone-lab/host", "infinity"]
    subprocess.run(run, check=True, capture_output=True)
    subprocess.run(["docker", "network", "connect", "helicone-lab-private", STRANGER], check=True)
    yield
    subprocess.run(["docker", "rm", "--force", STRANGER], capture_output=True, check=False)


@pytest.fixture(scope="module")
def forgotten(deployed: None) -> Iterator[None]:
    """Let something that nobody thinks of offer a port on data1; leave the lab as the inventory says."""
    on_host("data1", f"nohup {DEBUGGING} >/dev/null 2>&1 & echo")
    yield
    on_host("data1", f"pkill -f '[p]{DEBUGGING[1:]}'")
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text


def from_stranger(*command: str, stdin: str = "") -> str:
    """Run a command on the foreign host and return what it prints."""
    done = subprocess.run(
        ["docker", "exec", "--interactive", STRANGER, *command], input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout


def scan(*addresses: str) -> dict[str, list[int]]:
    """Return the ports of 65,535 that answer the foreign host, by address."""
    program = Path(ROOT, "tests/lab/port_scan.py").read_text()
    found: dict[str, list[int]] = json.loads(from_stranger("python3", "-", *addresses, stdin=program))
    return found


def connects(address: str, port: int) -> bool:
    """Tell whether the foreign host gets a connection."""
    script = f"import socket; socket.create_connection(('{address}', {port}), 2)"
    done = subprocess.run(["docker", "exec", STRANGER, "python3", "-c", script], capture_output=True, check=False)
    return done.returncode == 0


def container_address(host: str, service: str) -> str:
    """Return the address of a service's container inside its host."""
    label = f"label=com.docker.compose.service={service}"
    shown = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return on_host(host, f"docker inspect --format '{shown}' $(docker ps -q --filter {label})").strip()


def all_well() -> bool:
    """Tell whether every host answers, runs its release behind its rules, and every service is healthy."""
    result = lab("status", "--json")
    hosts = result.data()["hosts"].values() if result.code == 0 else []
    return bool(hosts) and all(
        host["state"] == "ok" and set(host["services"].values()) == {"healthy"} for host in hosts
    )


def route_to_containers(address: str) -> None:
    """Let the foreign host send what is for a container of data1 to data1, as any neighbour may."""
    from_stranger("ip", "route", "replace", f"{address}/32", "via", "172.30.87.13")


def test_without_the_firewall_more_answers(stranger: None, forgotten: None) -> None:
    result = lab("deploy", "--yes", "--set", "firewall.mode=off")
    assert result.code == 0, result.text
    assert "take the firewall away" in result.out
    assert scan("172.30.87.13") == {"172.30.87.13": [22, 9999]}
    database = container_address("data1", "db")
    route_to_containers(database)
    assert connects(PRIVATE, 5432)
    assert connects(database, 5432), "Docker lets a neighbour reach the container itself"


def test_a_port_that_nobody_decided_about_stops_the_deploy(stranger: None, forgotten: None) -> None:
    result = lab("deploy", "--yes")
    assert result.code == 2, result.text
    assert "data1: preflight: firewall.mode host would close 9999/tcp" in result.err
    assert connects("172.30.87.13", 9999)


def test_with_it_only_ssh_and_the_edge_answer(stranger: None, forgotten: None) -> None:
    plan = lab("plan", "--set", "firewall.closed_ports=[9999/tcp]")
    assert "load the firewall; undone after 10 s unless a new connection gets in" in plan.out
    result = lab("deploy", "--yes", "--set", "firewall.closed_ports=[9999/tcp]", "--set", "hardening.sshd=true")
    assert result.code == 0, result.text
    assert scan(*ADDRESSES.values(), PRIVATE) == {**CLOSED, PRIVATE: [22]}
    assert not connects(container_address("data1", "db"), 5432)
    assert "passwordauthentication no" in on_host("data1", "sshd -T")
    again = lab("deploy", "--yes", "--set", "firewall.closed_ports=[9999/tcp]", "--set", "hardening.sshd=true")
    assert "no changes" in again.out


@pytest.mark.long
def test_nothing_is_lost_with_docker_or_a_reboot(stranger: None, forgotten: None) -> None:
    on_host("data1", "service docker restart")
    subprocess.run(["docker", "restart", "-t", "30", "helicone-lab-app1"], check=True, capture_output=True)
    deadline = time.monotonic() + 90
    while not all_well():
        assert time.monotonic() < deadline, lab("status").text
        time.sleep(1)
    assert scan(*ADDRESSES.values()) == CLOSED
    assert not connects(PRIVATE, 5432)
    reach = "import socket; socket.create_connection(('172.30.88.13', {}), 2)"
    for port in (5432, 8123, 9000):
        on_host("app1", f'python3 -c "{reach.format(port)}"')


def test_rules_that_lock_the_controller_out_are_taken_back_by_the_host(stranger: None, as_found: None) -> None:
    before = lab("status", "--json").data()["hosts"]
    begun = time.monotonic()
    result = lab("deploy", "--yes", "--set", "firewall.ssh_from=[192.0.2.0/24]", "--set", "firewall.undo_seconds=5")
    assert result.code == 5, result.text
    assert "guard" in result.err  # the step; the cause beside it is wrapped
    assert time.monotonic() - begun < 60
    assert "guard undone" in on_host("data1", "tail -n 3 /opt/helicone/lab/state/journal.jsonl")
    after = lab("status", "--json").data()["hosts"]
    assert {name: (host["state"], host["release"]) for name, host in after.items()} == {
        name: ("ok", host["release"]) for name, host in before.items()
    }
    assert not connects(PRIVATE, 5432), "the rules before are in force again"
