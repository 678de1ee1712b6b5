"""Each container is what the release says: running, healthy, pinned, limited, and closed where it should be."""

from __future__ import annotations

import calendar
import re
import time
from dataclasses import dataclass

from gateway.verify.checks import check, services
from gateway.verify.release_view import ServiceView
from gateway.verify.target import Target

RESTART_SECONDS = 300.0  # a container that was restarted by Docker within this time is not well


@dataclass(frozen=True)
class Variable:
    """A variable of a service's environment."""

    service: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} in container {self.service}"


@dataclass(frozen=True)
class Mount:
    """A line of a service's `volumes`: a named volume, or a file of the release."""

    service: str
    source: str
    destination: str

    def __str__(self) -> str:
        return f"{self.source} is mounted in container {self.service}"


def variables(target: Target) -> list[Variable]:
    return [
        Variable(service.name, name) for service in target.release.services.values() for name in service.environment
    ]


def named_volumes(target: Target) -> list[Mount]:
    """Return the mounts of named volumes that the release has, by service."""
    names = {key: value["name"] for key, value in (target.release.override.get("volumes") or {}).items()}
    return [
        Mount(service, names[source], destination)
        for service, source, destination in _mounts(target)
        if source in names
    ]


def mounted_files(target: Target) -> list[Mount]:
    """Return the mounts of the release's own files, by service."""
    prefix = f"{target.folder}/current/"
    return [
        Mount(service, source.removeprefix(prefix), destination)
        for service, source, destination in _mounts(target)
        if source.startswith(prefix) and source.removeprefix(prefix) in target.release.manifest["files"]
    ]


def _mounts(target: Target) -> list[tuple[str, str, str]]:
    lines = [
        (service.name, line.split(":"))
        for service in target.release.services.values()
        for line in service.override.get("volumes") or []
    ]
    return [(service, parts[0], parts[1]) for service, parts in lines]


@check("container {service} is running", service=services)
def test_running(target: Target, service: ServiceView) -> None:
    found = target.container(service.name)
    code = f" (exit code {found['exit_code']})" if found["state"] == "exited" else ""
    assert found["state"] == "running", (
        f"{target.name}: container {service} is {found['state']}{code}, expected running"
    )


@check("container {service} is healthy", service=services)
def test_healthy(target: Target, service: ServiceView) -> None:
    found = target.container(service.name)
    state = found["health"] or "without a healthcheck"
    state = state if found["state"] == "running" else found["state"]
    assert state == "healthy", f"{target.name}: container {service} is {state}, expected healthy"


@check("container {service} runs the pinned image", service=services)
def test_image(target: Target, service: ServiceView) -> None:
    found = target.container(service.name)["image"]
    assert "@sha256:" in service.image, f"{target.name}: the release names {service.image} without a digest"
    assert found == service.image, f"{target.name}: container {service} runs {found}, the release says {service.image}"


@check("container {service} was made from the release's definition", service=services)
def test_hash(target: Target, service: ServiceView) -> None:
    found = target.container(service.name)["hash"]
    assert found == service.hash, (
        f"{target.name}: container {service} was not made from release {target.release.identifier}"
        f" (content hash {found[:12] or 'missing'}, expected {service.hash[:12]})"
    )


@check("container {service} comes back after a failure", service=services)
def test_restart_policy(target: Target, service: ServiceView) -> None:
    found, expected = target.container(service.name)["restart"], service.override.get("restart", "unless-stopped")
    assert found == expected, f"{target.name}: container {service} has restart policy {found}, expected {expected}"


@check("container {service} has its memory limit", service=services)
def test_memory(target: Target, service: ServiceView) -> None:
    found = target.container(service.name)["memory"]
    assert service.memory, f"{target.name}: the release gives {service} no memory limit"
    assert found == service.memory, (
        f"{target.name}: container {service} may use {found} bytes of memory, the release says {service.memory}"
    )


@check("container {service} has its processor limit", service=services)
def test_cpus(target: Target, service: ServiceView) -> None:
    found, expected = target.container(service.name)["cpus"], float(service.override.get("cpus") or 0)
    assert expected, f"{target.name}: the release gives {service} no processor limit"
    assert abs(found - expected) < 0.001, (
        f"{target.name}: container {service} may use {found:g} processors, the release says {expected:g}"
    )


@check("the log of container {service} is rotated", service=services)
def test_logging(target: Target, service: ServiceView) -> None:
    found = target.container(service.name)["logging"]
    wanted = service.override.get("logging") or {}
    expected = {"driver": wanted.get("driver", ""), **(wanted.get("options") or {})}
    assert {"max-size", "max-file"} <= set(expected), f"{target.name}: the release does not rotate the log of {service}"
    assert found == expected, f"{target.name}: container {service} logs as {_shown(found)}, expected {_shown(expected)}"


@check("container {service} cannot gain privileges", service=services)
def test_no_new_privileges(target: Target, service: ServiceView) -> None:
    options = target.container(service.name)["security"]
    allowed = {"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"}
    assert allowed & set(options), f"{target.name}: container {service} lacks no-new-privileges"


@check("container {service} is not privileged", service=services)
def test_not_privileged(target: Target, service: ServiceView) -> None:
    assert not target.container(service.name)["privileged"], f"{target.name}: container {service} is privileged"


@check("container {service} does not use the host's network", service=services)
def test_network(target: Target, service: ServiceView) -> None:
    assert target.container(service.name)["network_mode"] != "host", (
        f"{target.name}: container {service} uses the host's network"
    )


@check("container {service} was not restarted lately", service=services)
def test_restarts(target: Target, service: ServiceView) -> None:
    found = target.container(service.name)
    age = target.snapshot["facts"]["time"] - _seconds(found["started"])
    # What crashed before a deploy is no reason to undo it.
    counted = RESTART_SECONDS if target.deploying is None else min(target.deploying, RESTART_SECONDS)
    assert not found["restarts"] or age > counted, (
        f"{target.name}: Docker restarted container {service} {found['restarts']} times, last {age:.0f} s ago"
    )


@check("container {service} publishes exactly the release's ports", service=services)
def test_ports(target: Target, service: ServiceView) -> None:
    bindings = target.container(service.name)["ports"]
    found = {(one["address"], one["port"], int(one["inside"].partition("/")[0])) for one in bindings}
    expected = set(service.ports)
    assert found == expected, (
        f"{target.name}: container {service} publishes {_ports(found)}, the release says {_ports(expected)}"
    )


@check("container {service} has no publicly known password", service=services)
def test_defaults(target: Target, service: ServiceView) -> None:
    found = target.container(service.name)
    own = [name for name in found["defaults"] if name in service.environment or "PASSWORD" in name]
    assert not own, f"{target.name}: {', '.join(own)} of container {service} is a publicly known default value"


@check("{variable} is the release's", variable=variables)
def test_environment(target: Target, variable: Variable) -> None:
    found = target.container(variable.service)["environment"].get(variable.name)
    expected = target.release.services[variable.service].environment[variable.name]
    assert found is not None, f"{target.name}: container {variable.service} has no variable {variable.name}"
    assert found == expected, f"{target.name}: {variable} is not what release {target.release.identifier} says"


@check("volume {mount}", mount=named_volumes)
def test_volume(target: Target, mount: Mount) -> None:
    found = {one["destination"]: one["name"] for one in target.container(mount.service)["mounts"]}
    assert mount.source.startswith(f"{target.release.project}-"), (
        f"{target.name}: volume {mount.source} is not named after the project {target.release.project}"
    )
    assert found.get(mount.destination) == mount.source, (
        f"{target.name}: container {mount.service} has {found.get(mount.destination) or 'nothing'} at"
        f" {mount.destination}, expected volume {mount.source}"
    )


@check("file {mount}", mount=mounted_files)
def test_mounted_file(target: Target, mount: Mount) -> None:
    container = target.container(mount.service)
    assert container["state"] == "running", f"{target.name}: container {mount.service} is {container['state']}"
    found = {one["destination"]: one["sha256"] for one in container["mounts"]}
    expected = target.release.manifest["files"][mount.source]["sha256"]
    assert found.get(mount.destination) == expected, (
        f"{target.name}: container {mount.service} reads another {mount.destination} than the release's {mount.source}"
    )


def _seconds(moment: str) -> float:
    """Return Docker's timestamp (UTC, with nanoseconds) as seconds since the epoch."""
    match = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", moment)
    return calendar.timegm(time.strptime(match[0], "%Y-%m-%dT%H:%M:%S")) if match else 0.0


def _ports(ports: set[tuple[str, int, int]]) -> str:
    return ", ".join(f"{address}:{port}" for address, port, _ in sorted(ports)) or "nothing"


def _shown(options: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(options.items()))
