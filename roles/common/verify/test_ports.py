"""Nothing of the environment can be reached that the release does not publish, on any address of the host.

Docker's published ports pass host firewalls by, so this looks at the host and from the outside.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.verify.checks import check
from gateway.verify.doors import connection_address
from gateway.verify.target import Port, Target, inner_ports

EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to


def ahead(target: Target) -> Iterator[Port]:
    if target.has_release:
        yield from closed_ports(target)


def ports(target: Target) -> list[int]:
    return target.watched_ports


def closed_ports(target: Target) -> list[Port]:
    """Return the ports of stores and services that the release does not publish where we reach the host."""
    address = connection_address(target.settings)
    open_ports = {port for where, port in target.release.published if where in (address, *EVERYWHERE)}
    return [Port(address, port) for port in inner_ports(target.settings.variables.ports) if port not in open_ports]


@check("only what is published listens on port {port}", port=ports)
def test_listening(target: Target, port: int) -> None:
    surplus = _surplus(target, port)
    where, who = surplus[0] if surplus else ("", "")
    assert not surplus, f"{target.name}: something listens on {where}:{port} that the release does not publish ({who})"


@check("port {port} is closed to the outside", port=closed_ports)
def test_closed(target: Target, port: Port) -> None:
    opened = target.accepts(port)
    if opened and target.settings.variables.connection.transport == "local":
        # Another program of this machine may use the number, as long as it is no container's.
        opened = bool(_surplus(target, port.number))
    assert not opened, f"{target.name}: {port} accepts connections from outside, expected closed"


def _surplus(target: Target, port: int) -> list[tuple[str, str]]:
    """Return where something that is the environment's matter listens on a port beyond the release, and who."""
    return [*_published_by_containers(target, port), *_listeners(target, port)]


def _published_by_containers(target: Target, port: int) -> Iterator[tuple[str, str]]:
    """Yield where containers publish a port that the release does not, another environment's left out."""
    for container in target.containers.values():
        for binding in container["ports"]:
            if binding["port"] == port and (binding["address"], port) not in target.release.published:
                yield binding["address"], f"container {container['name']}"
    for other in target.sight["others"]:
        for binding in other["published"]:
            loopback = binding["address"].startswith("127.") or binding["address"] == "::1"
            if binding["port"] == port and not loopback and not other["environment"]:
                yield binding["address"], f"container {other['name']}"


def _listeners(target: Target, port: int) -> Iterator[tuple[str, str]]:
    """Yield the host's other listeners; on this machine itself only Docker's are the environment's matter."""
    environments = {
        (binding["address"], binding["port"])
        for other in target.sight["others"]
        if other["environment"]
        for binding in other["published"]
    }
    local = target.settings.variables.connection.transport == "local"
    for listener in target.sight["listeners"]:
        if listener["port"] != port or (listener["address"], port) in environments:
            continue
        process = listener["process"] or "an unknown process"
        if not local or process == "docker-proxy":
            yield listener["address"], f"process {process}"
