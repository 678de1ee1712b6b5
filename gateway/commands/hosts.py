"""`invoke hosts.trust`: pinning SSH keys after a human compared them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko

from gateway.errors import ConfigurationError, GatewayError, UnreachableError
from gateway.inventory import Host, Inventory
from gateway.transport.ssh import fingerprint, jump_connection, scan_host_key
from gateway.wording import printable

Confirm = Callable[[str], bool]


def trust(inventory: Inventory, name: str, confirm: Confirm) -> dict[str, Any]:
    """Show the key that a host presents and, once confirmed, pin it in the inventory's `known_hosts`.

    A jump host's key comes first, because the host is asked through it. A key that is pinned already
    is not asked about; another key for the same address is replaced. Raises ConfigurationError for an
    unknown host or the local one, UnreachableError when nothing answers.
    """
    host = inventory.hosts.get(name)
    if host is None or host.variables.connection.transport == "local":
        known = ", ".join(h for h in inventory.hosts)
        raise ConfigurationError(
            f"there is no SSH host `{printable(name)}`", where="--host", next_step=f"one of: {known}"
        )
    settings = host.variables.connection
    if settings.jump is not None:
        address, port = _place(settings.jump)
        key = _scan(f"{name}: connect to its jump host {address} port {port}", settings.timeout,
                    lambda: socket.create_connection((address, port), settings.timeout))  # fmt: skip
        if not _pin(inventory.path / "known_hosts", f"the jump host of {name}", address, port, key, confirm):
            return {"host": name, "pinned": False}
    target = settings.address or name
    key = _scan(f"{name}: connect to {target} port {settings.port}", settings.timeout, lambda: _reach(inventory, host))
    pinned = _pin(inventory.path / "known_hosts", name, target, settings.port, key, confirm)
    return {"host": name, "pinned": pinned, "fingerprint": fingerprint(key)}


def _place(jump: str) -> tuple[str, int]:
    """Return address and port of `user@address:port`."""
    address, _, port = jump.rpartition("@")[2].partition(":")
    return address, int(port or 22)


def _reach(inventory: Inventory, host: Host) -> socket.socket | paramiko.Channel:
    """Return a byte stream to a host's SSH server, through its jump host where it has one."""
    settings = host.variables.connection
    place = (settings.address or host.name, settings.port)
    root = inventory.path.parents[1]
    jump = jump_connection(host, inventory.environment, root, inventory.path / "known_hosts")
    if jump is None:
        return socket.create_connection(place, settings.timeout)
    jump.open()
    channel: paramiko.Channel = jump.transport.open_channel("direct-tcpip", place, ("", 0), timeout=settings.timeout)
    return channel


def _scan(where: str, timeout: float, reach: Callable[[], socket.socket | paramiko.Channel]) -> paramiko.PKey:
    try:
        return scan_host_key(reach(), timeout)
    except GatewayError:
        raise
    except Exception as error:  # noqa: BLE001 - sockets and Paramiko have no common root
        raise UnreachableError(
            f"no SSH server answers: {error}", where=where, unaffected="known_hosts is as it was",
            next_step="check connection.address, connection.port and connection.jump in the inventory",
        ) from None  # fmt: skip


def _pin(path: Path, who: str, address: str, port: int, key: paramiko.PKey, confirm: Confirm) -> bool:
    """Write a key into `known_hosts` in OpenSSH's format if it is not there and the operator says yes."""
    marker = address if port == 22 else f"[{address}]:{port}"
    line = f"{marker} {key.get_name()} {key.get_base64()}"
    lines = path.read_text().splitlines() if path.is_file() else []
    if line in lines:
        return True
    if not confirm(f"{who} ({address} port {port}) presents {key.get_name()} {fingerprint(key)}. Pin it?"):
        return False
    kept = [other for other in lines if marker not in other.split(" ")[0].split(",")]
    path.write_text("\n".join([*kept, line]) + "\n")
    return True
