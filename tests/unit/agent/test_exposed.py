"""What a closed host would cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.agent import exposed, sockets
from gateway.agent.failure import StepFailed

HEAD = "  sl  local_address rem_address   st\n"
TCP = HEAD + "".join(
    f"   0: {address}:{port:04X} 00000000:0000 {state}\n"
    for address, port, state in (
        ("00000000", 22, "0A"), ("0100007F", 631, "0A"), ("3500007F", 53, "0A"), ("0B581EAC", 9100, "0A"),
        ("0B581EAC", 40000, "01"), ("0B581EAC", 5432, "0A"),
    )
)  # fmt: skip
TCP6 = HEAD + "".join(
    f"   0: {address}:{port:04X} 0:0 0A\n" for address, port in (("0" * 32, 22), ("0" * 24 + "01000000", 25))
)
UDP = HEAD + "".join(
    f"   0: 00000000:{port:04X} 00000000:0000 {state}\n"
    for port, state in ((111, "07"), (51820, "07"), (40123, "07"), (123, "01"))
)


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Let the host listen as above, with containers of two environments and one without a name."""
    (tmp_path / "range").write_text("32768\t60999\n")
    for name in ("br-0123456789ab", "br-lan", "eth0"):
        (tmp_path / "net" / name).mkdir(parents=True)
    monkeypatch.setattr(exposed, "EPHEMERAL", tmp_path / "range")
    monkeypatch.setattr(exposed, "INTERFACES", tmp_path / "net")
    files = {"/proc/net/tcp": TCP, "/proc/net/tcp6": TCP6, "/proc/net/udp": UDP}
    read = Path.read_text

    def read_text(path, *arguments):
        if str(path).startswith("/proc/net/"):
            if str(path) not in files:
                raise FileNotFoundError(path)
            return files[str(path)]
        return read(path, *arguments)

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(sockets, "listening", refused)
    containers = [
        container("helicone-guarded", {"IP": "172.30.88.11", "PublicPort": 5432, "Type": "tcp"}),
        container("helicone-open", {"IP": "0.0.0.0", "PublicPort": 8788, "Type": "tcp"}),  # noqa: S104
        container(None, {"IP": "127.0.0.1", "PublicPort": 6000, "Type": "tcp"}, {"PrivatePort": 1, "Type": "tcp"}),
        container(None, {"IP": "::", "PublicPort": 53, "Type": "udp"}),
    ]
    monkeypatch.setattr(exposed.engine, "ask", lambda path: containers)
    monkeypatch.setattr(exposed.firewall, "listed", lambda project: "table" if project == "helicone-guarded" else None)
    return monkeypatch


def refused(family):
    raise OSError("this kernel cannot be asked for sockets")


def container(project, *ports):
    labels = {"com.docker.compose.project": project} if project else {}
    return {"Labels": labels, "Ports": list(ports)}


def test_programs_and_containers_that_others_can_reach_are_named(host):
    assert exposed.look(sockets.waiting()) == {
        "ports": ["22/tcp", "53/udp", "111/udp", "8788/tcp", "9100/tcp", "51820/udp"],
        "bridges": ["br-lan"],
    }


def test_without_an_engine_the_programs_are_left(host):
    def silent(_):
        raise StepFailed("docker", "Docker Engine does not answer")

    host.setattr(exposed.engine, "ask", silent)
    assert exposed.look(sockets.waiting())["ports"] == ["22/tcp", "111/udp", "5432/tcp", "9100/tcp", "51820/udp"]
