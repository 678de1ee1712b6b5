"""Who may open a connection to what on a host, as the lines of its nftables rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from gateway.inventory.model import known_addresses
from gateway.inventory.published import PublishedPort, is_public, published_ports
from gateway.render.roles import load_role

if TYPE_CHECKING:
    from gateway.inventory.model import Host, Inventory

ROLE = "firewall"
RULES = "guard/firewall.nft"
CLOSE_ALL = "fib daddr type local counter drop"
_DOCKER = ("docker0", "docker_gwbridge", "br-*")  # Docker's own bridges; `br-*` are those of networks without a name


@dataclass(frozen=True)
class Rules:
    """What the template of the rules says: sets of networks, and the lines of its chains."""

    sets: Mapping[str, tuple[str, Sequence[str]]]
    inside: Sequence[str]
    admit: Sequence[str]
    close: Sequence[str]


def guard_files(host: Host) -> dict[str, str]:
    """Return the templates of the guards that the inventory wants on `host`, by path in the release."""
    variables = host.variables
    wanted = {
        RULES: variables.firewall.mode != "off",
        "guard/sshd.conf": variables.hardening.sshd,
        "guard/updates.conf": variables.hardening.updates,
    }
    return {path: template for path, template in load_role(ROLE).guards.items() if wanted[path]}


def hosts_networks(inventory: Inventory, host: Host) -> list[str]:
    """Return who may use the ports on the private address of `host`: the environment's hosts, then `private_from`.

    A host is known by every address that the inventory gives it.
    """
    found = [address for one in inventory.hosts.values() for address in known_addresses(one)]
    return list(dict.fromkeys([*found, *host.variables.firewall.private_from]))


def rules_of(inventory: Inventory, host: Host) -> Rules:
    """Return the rules of `host`. They are rendered only where `firewall.mode` is not `off`."""
    firewall = host.variables.firewall
    ports = published_ports(host, inventory)
    named = {
        "hosts": hosts_networks(inventory, host),
        "clients": firewall.allow_from,
        "operators": firewall.ssh_from,
    }
    return Rules(
        sets={
            f"{name}{version}": (f"ipv{version}_addr", networks)
            for name, all_networks in named.items()
            for version in (4, 6)
            if (networks := [one for one in all_networks if ip_network(one).version == version])
        },
        inside=[f'iifname "{name}" return' for name in ("lo", *_DOCKER, *firewall.trusted_interfaces)],
        admit=list(_admitted(host, ports, named)),
        close=list(_closed(host, ports)),
    )


def _admitted(host: Host, ports: Sequence[PublishedPort], named: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a line for each port and family of addresses that is let in."""
    variables = host.variables
    if variables.connection.transport == "ssh":
        yield from _doors(f"tcp dport {variables.connection.port}", "operators", named["operators"])
    for port in ports:
        if not is_public(port):
            yield from _doors(_match(port), "hosts", named["hosts"])
        else:
            clients = () if port.key == "ports.acme" else named["clients"]  # authorities ask from anywhere
            yield from _doors(_match(port), "clients", clients)
    if variables.firewall.mode == "host":
        for text, networks in variables.firewall.extra_ports.items():
            number, _, protocol = text.partition("/")
            yield from _doors(f"{protocol} dport {number}", "", networks)
        yield "udp sport 67 udp dport 68 goto admitted"  # answers of DHCP may come from a server nobody asked by name
        yield "ip6 daddr fe80::/10 udp sport 547 udp dport 546 goto admitted"


def _doors(match: str, name: str, networks: Sequence[str]) -> Iterator[str]:
    """Yield the lines that let `networks` in, by the `name` of their set or one by one; everybody if there are none."""
    if not networks:
        yield f"{match} goto admitted"
        return
    for version, word in ((4, "ip"), (6, "ip6")):
        family = [one for one in networks if ip_network(one).version == version]
        source = f"@{name}{version}" if name else f"{{ {', '.join(family)} }}"
        if family and not (match.startswith("ip") and match.partition(" ")[0] != word):
            yield f"{match} {word} saddr {source} goto admitted"


def _closed(host: Host, ports: Sequence[PublishedPort]) -> Iterator[str]:
    """Yield a line for everything else that comes in: all of the host, or what this environment publishes.

    Docker lets a neighbour reach a published port at the container's own address too, past the
    address that it is published on; what routes lead to Docker's bridges is therefore closed as well.
    """
    if host.variables.firewall.mode == "host":
        yield CLOSE_ALL
        yield from (f'fib daddr oifname "{name}" counter drop' for name in _DOCKER)
        return
    for port in ports:
        yield f"{_match(port)} counter drop"
    inside = sorted({port.inside for port in ports if not is_public(port)})
    for name in _DOCKER if inside else ():
        yield f'tcp dport {{ {", ".join(map(str, inside))} }} fib daddr oifname "{name}" counter drop'


def _match(port: PublishedPort) -> str:
    """Return what picks the connections to a published port."""
    address = ip_address(port.address)
    if address.is_unspecified:
        return f"fib daddr type local tcp dport {port.port}"
    return f"{'ip' if address.version == 4 else 'ip6'} daddr {address} tcp dport {port.port}"
