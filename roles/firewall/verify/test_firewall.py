"""What guards the host is what its release says, and holds against this machine, which is none of its own."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from gateway.plan.observed import GUARDS
from gateway.render.guards import RULES, hosts_networks
from gateway.verify.checks import check
from gateway.verify.outside import own_address
from gateway.verify.target import Port, Target

MEANING = {
    "guard/firewall.nft": "the rules in the kernel are not the release's",
    "guard/sshd.conf": "sshd's settings are not the release's",
    "guard/updates.conf": "the settings for automatic updates are not the release's",
}


def ahead(target: Target) -> Iterator[Port]:
    if target.has_release:
        yield from shut_ports(target)


def guards(target: Target) -> list[str]:
    """Return the guards that the release has or the host should not have."""
    if not target.has_release:
        return []
    return [name for name in GUARDS if name in {*target.release.manifest["files"], *target.snapshot["guard"]["files"]}]


def shut_ports(target: Target) -> Iterator[Port]:
    """Yield the ports for the environment's own hosts, if this machine is none of those and a firewall is wanted."""
    if RULES not in target.release.manifest["files"]:
        return
    networks = [ip_network(text) for text in hosts_networks(target.inventory, target.settings)]
    inner = [service for service in target.release.services.values() if service.name != "door"]
    for address, port in sorted({(address, port) for service in inner for address, port, _ in service.ports}):
        mine = own_address(address)
        if mine and not any(ip_address(mine) in network for network in networks):
            yield Port(address, port)


@check("{name} is in force", name=guards)
def test_in_force(target: Target, name: str) -> None:
    wanted = target.release.manifest["files"].get(name, {}).get("sha256")
    assert target.snapshot["guard"]["files"].get(name) == wanted, f"{target.name}: {MEANING[name]}"


@check("no guard waits for its confirmation", when=lambda target: bool(guards(target)))
def test_confirmed(target: Target) -> None:
    assert not target.snapshot["guard"]["pending"], (
        f"{target.name}: what guards it was never confirmed and is about to be taken back"
    )


@check("port {port} is closed to all but the environment's hosts", port=shut_ports)
def test_shut(target: Target, port: Port) -> None:
    assert not target.accepts(port), f"{target.name}: {port} accepts connections from this machine, expected closed"
