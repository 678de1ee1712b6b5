"""What a host must offer before a deploy touches it; looks only at what the snapshot saw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.errors import ConfigurationError
from gateway.inventory.model import Host, wanted_packages
from gateway.inventory.published import collide
from gateway.release import HostRelease
from gateway.render.guards import CLOSE_ALL, RULES
from gateway.versions import at_least

GIGABYTE = 1 << 30
PYTHON = "3.9"  # the oldest that runs the agent
EDGE_KERNEL = "5.14"  # knows net.ipv4.tcp_migrate_req, which a replaced proxy needs so as to lose no connection
_KERNEL = re.compile(r"[0-9.]*")
ARCHITECTURES = ("x86_64", "aarch64")


class Finding(NamedTuple):
    """Something that stands in the way on a host, and what to type or do next."""

    text: str
    next_step: str


def findings(
    host: Host, project: str, ports: Iterable[tuple[str, str, int]], observed: Mapping[str, Any]
) -> list[Finding]:
    """Return what stands in the way on a host of a Compose project; empty when it may be deployed to.

    `ports` are service, address and port of what it will publish.
    """
    facts = observed["facts"]
    listed = list(ports)
    return [
        *_kept_elsewhere(host, project, observed),
        *_machine(host, facts, observed["clock_off"]), *_docker(host, facts), *_ports(listed, observed),
        *_guards(host, facts), *_cut_off(host, listed, observed),
    ]  # fmt: skip


def _kept_elsewhere(host: Host, project: str, observed: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield that the environment is here without its releases: its undo would take away what nobody could bring back.

    A first deploy never leaves that, however it ends: `current` comes before its containers and goes after them.
    """
    if observed["current"] is None and observed["containers"]:
        names = ", ".join(container["service"] for container in observed["containers"])
        yield Finding(
            f"containers of this environment are here ({names}), and {host.variables.directory} on this host has no"
            " release of it",
            "put `directory` back to where its releases are; if they are lost, on the host: docker rm --force"
            f" $(docker ps -aq --filter label=com.docker.compose.project={project}), which keeps the volumes",
        )


def _machine(host: Host, facts: Mapping[str, Any], skew: float) -> Iterator[Finding]:
    limits = host.variables.preflight
    if not at_least(facts["python"], PYTHON):
        yield Finding(
            f"its python3 is {facts['python']}, older than {PYTHON}",
            "on the host: install a newer one with the distribution's package, or upgrade the distribution",
        )
    if facts["architecture"] not in ARCHITECTURES:
        yield Finding(
            f"its architecture {facts['architecture']} has no Helicone images (known: {', '.join(ARCHITECTURES)})",
            "take another machine, or name images of your own under `images`",
        )
    if "edge" in host.roles and not at_least(_KERNEL.match(facts["kernel"])[0], EDGE_KERNEL):  # type: ignore[index]
        yield Finding(
            f"its Linux {facts['kernel']} is older than {EDGE_KERNEL}, which hands waiting connections over",
            "on the host: apt-get install linux-image-generic (Ubuntu), or upgrade its distribution; then reboot",
        )
    for place, free in facts["disk_free"].items():
        if free < limits.disk_free_gb * GIGABYTE:
            yield Finding(
                f"only {free / GIGABYTE:.1f} GB of disk are free for {place}, preflight.disk_free_gb asks for"
                f" {limits.disk_free_gb:g}",
                "on the host: docker system prune, or a larger disk; or lower preflight.disk_free_gb",
            )
    if facts["memory"] < limits.memory_mb << 20:
        yield Finding(
            f"it has {facts['memory'] >> 20} MB of memory, preflight.memory_mb asks for {limits.memory_mb}",
            "a larger machine; or lower preflight.memory_mb together with the services' memory",
        )
    if skew > limits.clock_skew_seconds:
        yield Finding(
            f"its clock is {skew:.0f} s off the controller's, preflight.clock_skew_seconds allows"
            f" {limits.clock_skew_seconds}",
            "on the one that is wrong: timedatectl set-ntp true",
        )


def _docker(host: Host, facts: Mapping[str, Any]) -> Iterator[Finding]:
    docker = host.variables.docker
    if facts["engine"] is None and not docker.install:
        yield Finding(
            "no Docker Engine answers and docker.install is false",
            "on the host: systemctl start docker; or set docker.install to true",
        )
    elif facts["engine"] is not None and not at_least(facts["engine"], docker.minimum_engine):
        yield Finding(
            f"Docker Engine {facts['engine']} is older than docker.minimum_engine {docker.minimum_engine}",
            "on the host: upgrade Docker, with your distribution's package or Docker's own",
        )
    if not at_least(facts["compose"], docker.minimum_compose) and not docker.install:
        yield Finding(
            f"Docker Compose {facts['compose'] or '(none)'} is older than docker.minimum_compose"
            f" {docker.minimum_compose} and docker.install is false",
            "on the host: upgrade the Compose plugin; or set docker.install to true",
        )


def _ports(ports: Iterable[tuple[str, str, int]], observed: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the ports that are to be published and something else on the host already listens on."""
    ours = [
        (port["address"], port["port"])
        for container in observed["containers"] if container["state"] == "running"
        for port in container["ports"]
    ]  # fmt: skip
    listening = [(entry["address"], entry["port"]) for entry in observed["facts"]["listening"]]
    others = [one for one in listening if not any(collide(one, mine) for mine in ours)]
    for service, address, port in ports:
        if any(collide((address, port), other) for other in others):
            yield Finding(
                f"port {port} for {service} is in use by another program",
                f"on the host: ss -ltnp 'sport = :{port}' tells which; stop it, or take another port under `ports`",
            )


def _guards(host: Host, facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the firewall and the hardening need and the host has not."""
    mode = host.variables.firewall.mode
    if mode != "off" and not facts["nftables"]:
        yield Finding(
            f"its Linux {facts['kernel']} has no nftables, which firewall.mode {mode} needs",
            "on the host: a kernel with nf_tables; or firewall.mode: off",
        )
    for name in wanted_packages(host):
        if not facts["tools"][name] and not facts["tools"]["apt-get"]:
            yield Finding(
                f"{name} is missing and this is no Debian or Ubuntu",
                f"on the host: install {name} with the distribution's package",
            )


def _cut_off(host: Host, ports: Iterable[tuple[str, str, int]], observed: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what a host that is to be closed offers others and nobody has decided about; none once it is closed."""
    firewall = host.variables.firewall
    if firewall.mode != "host" or CLOSE_ALL in (observed["contents"].get(RULES) or ""):
        return
    exposed = observed["facts"]["exposed"]
    ours = {port for _, _, port in ports}
    ours |= {port["port"] for container in observed["containers"] for port in container["ports"]}
    known = {f"{port}/tcp" for port in (*ours, host.variables.connection.port)}
    known |= {"68/udp", "546/udp", *firewall.extra_ports, *firewall.closed_ports}  # a DHCP client's own two
    for port in exposed["ports"]:
        if port not in known:
            yield Finding(
                f"firewall.mode host would close {port}, which something offers here",
                f"name {port} in firewall.extra_ports to keep it open, or in firewall.closed_ports",
            )
    for name in exposed["bridges"]:
        yield Finding(
            f"firewall.mode host would take {name} for a bridge of Docker's and leave it open",
            "on the host: give that bridge another name",
        )


def check_all(
    hosts: Mapping[str, Host],
    releases: Mapping[str, HostRelease],
    observed: Mapping[str, Mapping[str, Any]],
) -> None:
    """Raise one ConfigurationError that lists the problems of all hosts, if there are any."""
    found = [
        (name, finding)
        for name in observed
        for finding in findings(
            hosts[name], releases[name].manifest["project"], _published(releases[name]), observed[name]
        )
    ]
    if found:
        steps = {finding.next_step for _, finding in found}
        what = steps.pop() if len(steps) == 1 else "put it right on the host, or change the variable named"
        raise ConfigurationError(
            "\n".join(f"{name}: preflight: {finding.text}" for name, finding in found),
            unaffected="every host: nothing was changed", next_step=f"{what}, then deploy again",
        )  # fmt: skip


def _published(release: HostRelease) -> list[tuple[str, str, int]]:
    return [
        (service["name"], address, port)
        for service in release.manifest["services"]
        for address, port, _ in service["ports"]
    ]


def refuse_stranding(
    wanted: Mapping[str, Mapping[str, Any]], observed: Mapping[str, Mapping[str, Any]], environment: str
) -> None:
    """Raise ConfigurationError for a host whose recorder would be removed while records wait in its spool.

    `wanted` has each host's manifest. Nobody reads that volume once the host has no recorder any more.
    """
    for name, seen in observed.items():
        recorder = seen["edge"]["recorder"]
        has_one = any(container["service"] == "recorder" for container in seen["containers"])
        keeps_it = any(service["name"] == "recorder" for service in wanted[name]["services"])
        if has_one and not keeps_it and recorder and recorder["waiting"]:
            raise ConfigurationError(
                f"{recorder['waiting']} records wait for Helicone in the recorder's spool, and the release has no"
                " recorder here: nobody would deliver them",
                where=name, unaffected="every host: nothing was changed",
                next_step="lead its clients to another edge, mend what holds records up, and wait until this says that"
                f" every record is in Helicone: invoke status --env {environment}",
            )  # fmt: skip
