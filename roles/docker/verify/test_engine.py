"""Docker Engine and Compose, and that the environment's project is nobody else's."""

from __future__ import annotations

from collections.abc import Iterator

from testinfra.host import Host

from gateway.verify.backend import file_commands
from gateway.verify.checks import always, check, has_release
from gateway.verify.target import Target
from gateway.versions import at_least

CERTIFICATES = "/etc/docker/certs.d"


def ahead(target: Target) -> Iterator[str]:
    for registry in registries(target):
        yield from file_commands(f"{CERTIFICATES}/{registry}/ca.crt")


def registries(target: Target) -> list[str]:
    return list(target.settings.variables.docker.registry_certificates)


@check("Docker Engine answers", when=always)
def test_answers(target: Target) -> None:
    assert target.snapshot["facts"]["engine"], f"{target.name}: Docker Engine does not answer"


@check("Docker Engine is new enough", when=always)
def test_engine_version(target: Target) -> None:
    found, minimum = target.snapshot["facts"]["engine"], target.settings.variables.docker.minimum_engine
    assert at_least(found, minimum), f"{target.name}: Docker Engine is {found}, expected {minimum} or newer"


@check("Docker Compose is new enough", when=always)
def test_compose_version(target: Target) -> None:
    found, minimum = target.snapshot["facts"]["compose"], target.settings.variables.docker.minimum_compose
    assert at_least(found, minimum), f"{target.name}: Docker Compose is {found}, expected {minimum} or newer"


@check("the containers can be inspected")
def test_inspected(target: Target) -> None:
    assert not target.sight["problem"], f"{target.name}: {target.sight['problem']}"


@check("Docker trusts the registry {registry}", when=has_release, registry=registries)
def test_certificate(target: Target, host: Host, registry: str) -> None:
    assert host.file(f"{CERTIFICATES}/{registry}/ca.crt").exists, (
        f"{target.name}: {CERTIFICATES}/{registry}/ca.crt is missing, so that images cannot be pulled from {registry}"
    )


@check("the project has no other containers")
def test_no_others(target: Target) -> None:
    surplus = [one["name"] for one in target.sight["containers"] if one["service"] not in target.release.services]
    assert not surplus, f"{target.name}: container {', '.join(surplus)} is in the project, but not part of the release"


@check("every service has one container")
def test_no_doubles(target: Target) -> None:
    names = [one["service"] for one in target.sight["containers"]]
    doubles = sorted({name for name in names if names.count(name) > 1})
    assert not doubles, f"{target.name}: there is more than one container of {', '.join(doubles)}"


@check("no foreign container is in the project's networks")
def test_networks(target: Target) -> None:
    own = {network for one in target.sight["containers"] for network in one["networks"]}
    own = {network for network in own if network.startswith(f"{target.release.project}_")}
    foreign = [one["name"] for one in target.sight["others"] if own & set(one["networks"])]
    assert not foreign, f"{target.name}: container {', '.join(foreign)} is in the project's network, but not part of it"
