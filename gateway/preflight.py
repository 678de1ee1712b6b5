"""What a host must offer before a deploy touches it; looks only at what the snapshot saw."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import ConfigurationError
from gateway.inventory.model import Host, wanted_packages
from gateway.inventory.published import collide
from gateway.release import HostRelease
from gateway.render.guards import CLOSE_ALL, RULES
from gateway.versions import at_least

GIGABYTE = 1 << 30
EDGE_KERNEL = "5.14"  # knows net.ipv4.tcp_migrate_req, which a replaced proxy needs so as to lose no connection
_KERNEL = re.compile(r"[0-9.]*")
ARCHITECTURES = ("x86_64", "aarch64")


def problems(host: Host, release: HostRelease, observed: Mapping[str, Any], now: float) -> list[str]:
    """Return one sentence for each thing that stands in the way on a host; empty when it may be deployed to.

    `now` is the controller's time in seconds since the epoch, for the clock comparison.
    """
    facts = observed["facts"]
    return [
        *_machine(host, facts, now), *_docker(host, facts), *_ports(release, observed), *_guards(host, facts),
        *_cut_off(host, release, observed),
    ]  # fmt: skip


def _machine(host: Host, facts: Mapping[str, Any], now: float) -> Iterator[str]:
    limits = host.variables.preflight
    if facts["architecture"] not in ARCHITECTURES:
        yield f"its architecture {facts['architecture']} has no Helicone images (known: {', '.join(ARCHITECTURES)})"
    if "edge" in host.roles and not at_least(_KERNEL.match(facts["kernel"])[0], EDGE_KERNEL):  # type: ignore[index]
        yield f"its Linux {facts['kernel']} is older than {EDGE_KERNEL}, which hands waiting connections over"
    for place, free in facts["disk_free"].items():
        if free < limits.disk_free_gb * GIGABYTE:
            yield (
                f"only {free / GIGABYTE:.1f} GB of disk are free for {place}, preflight.disk_free_gb asks for"
                f" {limits.disk_free_gb:g}"
            )
    if facts["memory"] < limits.memory_mb << 20:
        yield f"it has {facts['memory'] >> 20} MB of memory, preflight.memory_mb asks for {limits.memory_mb}"
    skew = abs(facts["time"] - now)
    if skew > limits.clock_skew_seconds:
        yield (
            f"its clock is {skew:.0f} s off the controller's, preflight.clock_skew_seconds allows"
            f" {limits.clock_skew_seconds}"
        )


def _docker(host: Host, facts: Mapping[str, Any]) -> Iterator[str]:
    docker = host.variables.docker
    if facts["engine"] is None and not docker.install:
        yield "no Docker Engine answers and docker.install is false"
    elif facts["engine"] is not None and not at_least(facts["engine"], docker.minimum_engine):
        yield f"Docker Engine {facts['engine']} is older than docker.minimum_engine {docker.minimum_engine}"
    if not at_least(facts["compose"], docker.minimum_compose) and not docker.install:
        yield (
            f"Docker Compose {facts['compose'] or '(none)'} is older than docker.minimum_compose"
            f" {docker.minimum_compose} and docker.install is false"
        )


def _ports(release: HostRelease, observed: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ports that the release publishes and something else on the host already listens on."""
    ours = [
        (port["address"], port["port"])
        for container in observed["containers"] if container["state"] == "running"
        for port in container["ports"]
    ]  # fmt: skip
    listening = [(entry["address"], entry["port"]) for entry in observed["facts"]["listening"]]
    others = [one for one in listening if not any(collide(one, mine) for mine in ours)]
    for service in release.manifest["services"]:
        for address, port, _ in service["ports"]:
            if any(collide((address, port), other) for other in others):
                yield f"port {port} for {service['name']} is in use by another program"


def _guards(host: Host, facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the firewall and the hardening need and the host has not."""
    if host.variables.firewall.mode != "off" and not facts["nftables"]:
        yield f"its Linux {facts['kernel']} has no nftables, which firewall.mode {host.variables.firewall.mode} needs"
    for name in wanted_packages(host):
        if not facts["tools"][name] and not facts["tools"]["apt-get"]:
            yield f"{name} is missing and this is no Debian or Ubuntu: install it by hand"


def _cut_off(host: Host, release: HostRelease, observed: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a host that is to be closed offers others and nobody has decided about; none once it is closed."""
    firewall = host.variables.firewall
    if firewall.mode != "host" or CLOSE_ALL in (observed["contents"].get(RULES) or ""):
        return
    exposed = observed["facts"]["exposed"]
    ours = {port for service in release.manifest["services"] for _, port, _ in service["ports"]}
    ours |= {port["port"] for container in observed["containers"] for port in container["ports"]}
    known = {f"{port}/tcp" for port in (*ours, host.variables.connection.port)}
    known |= {"68/udp", "546/udp", *firewall.extra_ports, *firewall.closed_ports}  # a DHCP client's own two
    for port in exposed["ports"]:
        if port not in known:
            yield (
                f"firewall.mode host would close {port}, which something offers here: name it in"
                " firewall.extra_ports to keep it open, or in firewall.closed_ports"
            )
    for name in exposed["bridges"]:
        yield f"firewall.mode host would take {name} for a bridge of Docker's and leave it open: call it otherwise"


def check_all(
    hosts: Mapping[str, Host],
    releases: Mapping[str, HostRelease],
    observed: Mapping[str, Mapping[str, Any]],
    now: float,
) -> None:
    """Raise one ConfigurationError that lists the problems of all hosts, if there are any."""
    found = [
        f"{name}: preflight: {problem}"
        for name in observed
        for problem in problems(hosts[name], releases[name], observed[name], now)
    ]
    if found:
        raise ConfigurationError(
            "\n".join(found), unaffected="every host: nothing was changed",
            next_step="put it right on the host, or change the variable named, then deploy again",
        )  # fmt: skip
