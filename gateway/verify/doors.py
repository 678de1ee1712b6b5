"""How this process reaches the edge of one particular host."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

from gateway.inventory.model import Host
from gateway.render.model import Entrance
from gateway.render.topology import bracketed
from gateway.verify.outside import Trust
from gateway.verify.release_view import ReleaseView

_LOCAL = "127.0.0.1"


class Door(NamedTuple):
    """The two URLs of an edge, without a slash at the end, and how its certificate is checked."""

    gateway: str
    ui: str
    trust: Trust


def door_of(host: Host, release: ReleaseView, kept_authority: str) -> Door | None:
    """Return where the edge of `host` answers, None for a host without one.

    What the release says counts, and not the inventory, which may have moved on.

    `kept_authority` is the certificate of the authority that the edge keeps, empty without one. The
    addresses are those that the release publishes, so that a check behind a balancer still asks this
    very host. Only where those are this process's to reach in no way (a loopback address on another
    machine, with something in front of it) the public URLs take their place.
    """
    edge = release.services.get("door")
    if edge is None:
        return None
    entrance = release.entrance
    urls = {}
    for inside, instead in ((8787, entrance.gateway), (3000, entrance.ui)):
        bindings = [(address, port) for address, port, target in edge.ports if target == inside]
        if not bindings:
            return None
        address, port = bindings[0]
        urls[inside] = _url(host, entrance, address, port) or instead
    return Door(urls[8787], urls[3000], Trust(entrance.name, clients_authority(entrance, kept_authority)))


def clients_authority(entrance: Entrance, kept: str) -> str:
    """Return the certificate (PEM) that clients have to trust, empty where their system does already.

    `kept` is the certificate of the authority that the edge keeps on its volume. It stays there when
    the mode changes, and counts only while it is in use.
    """
    return kept if entrance.tls == "internal" else entrance.authority


def connection_address(host: Host) -> str:
    """Return the address that this process reaches the host at."""
    return _LOCAL if host.variables.connection.transport == "local" else host.variables.connection.address or host.name


def _url(host: Host, entrance: Entrance, address: str, port: int) -> str:
    """Return the URL of a published port, empty if it is on another machine's loopback."""
    local = host.variables.connection.transport == "local"
    bound = ip_address(address)
    if bound.is_unspecified:
        address = connection_address(host)
    elif bound.is_loopback and not local:
        return ""
    scheme = "http" if entrance.tls == "off" else "https"
    return f"{scheme}://{bracketed(address)}:{port}"
