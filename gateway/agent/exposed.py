"""What on this host others can connect to, and how its interfaces are called: what a closed host would cut off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from . import engine, firewall
from .failure import StepFailed
from .sockets import Waiting

INTERFACES = Path("/sys/class/net")
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_PROJECT_LABEL = "com.docker.compose.project"
# Ports that interfaces of the kernel listen on, within the range that programs otherwise get at random.
_TUNNELS = (41641, 51820)  # Tailscale, WireGuard
_DOCKERS = re.compile(r"br-[0-9a-f]{12}")
_LOOPBACK = ("127.", "::1")
_LOOPBACK6 = ("00000000000000000000000001000000", "0000000000000000FFFF00000100007F")


def look(waiting: Iterable[Waiting]) -> dict[str, Any]:
    """Return the ports that programs and containers offer others as `port/protocol`, and suspicious interfaces.

    `waiting` are the sockets of programs. Left out are ports of environments whose own rules are in force: those let
    their connections in. `bridges` are interfaces that are called like Docker's bridges and are none.
    """
    published = list(_published())
    projects = {project for project, _ in published if project}
    ruled = {project for project in projects if firewall.listed(project) is not None}
    guarded = {port for project, port in published if project in ruled}
    found = {*_sockets(waiting), *(port for _, port in published)} - guarded
    names = [path.name for path in INTERFACES.glob("br-*")]
    return {
        "ports": sorted(found, key=lambda port: (int(port.partition("/")[0]), port)),
        "bridges": sorted(name for name in names if not _DOCKERS.fullmatch(name)),
    }


def _published() -> Iterator[tuple[str, str]]:
    """Yield the Compose project, if any, and the port of everything that containers publish for other machines."""
    try:
        containers = engine.ask("/containers/json")
    except StepFailed:
        return  # without an engine there are none
    for container in containers:
        for port in container["Ports"]:
            if "PublicPort" in port and not port.get("IP", "").startswith(_LOOPBACK):
                yield container["Labels"].get(_PROJECT_LABEL, ""), f"{port['PublicPort']}/{port['Type']}"


def _sockets(waiting: Iterable[Waiting]) -> Iterator[str]:
    """Yield the ports that this host's programs wait on for other machines."""
    lowest, highest = map(int, EPHEMERAL.read_text().split())
    for protocol, address, port in waiting:
        passing = protocol == "udp" and lowest <= port <= highest and port not in _TUNNELS
        if not passing and address not in _LOOPBACK6 and address[-2:] != "7F":
            yield f"{port}/{protocol}"
