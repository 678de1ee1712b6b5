"""`invoke hosts.trust`: pinning SSH keys after a human compared them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko

from gateway.console import say
from gateway.errors import ConfigurationError, GatewayError, UnreachableError
from gateway.inventory import Host, Inventory
from gateway.private_file import need_writable, shown_path, write_private
from gateway.transport.ssh import fingerprint, is_name_of, jump_connection, scan_host_key
from gateway.wording import printable

Confirm = Callable[[str], bool]


def trust(inventory: Inventory, name: str, confirm: Confirm, as_json: bool) -> dict[str, Any]:
    """Show the key that a host presents and, once confirmed, pin it in the inventory's `known_hosts`.

    A jump host's key comes first, because the host is asked through it. A key that is pinned already
    is not asked about; another key for the same address is replaced. Raises ConfigurationError for an
    unknown host or the local one, and for a `known_hosts` that cannot be read or written; UnreachableError
    when nothing answers.
    """
    host = inventory.hosts.get(name)
    if host is None or host.variables.connection.transport == "local":
        known = ", ".join(h for h in inventory.hosts)
        raise ConfigurationError(
            f"there is no SSH host `{printable(name)}`", where="--host", next_step=f"one of: {known}"
        )
    settings = host.variables.connection
    known_hosts = (inventory.path / "known_hosts").resolve()
    need_writable(known_hosts)
    _lines(known_hosts)
    if settings.jump is not None:
        address, port = _place(settings.jump)
        key = _scan(f"{name}: connect to its jump host {address} port {port}", settings.timeout,
                    lambda: socket.create_connection((address, port), settings.timeout))  # fmt: skip
        if not _pin(known_hosts, f"the jump host of {name}", address, port, key, confirm):
            return {"host": name, "pinned": False}
    target = settings.address or name
    key = _scan(f"{name}: connect to {target} port {settings.port}", settings.timeout, lambda: _reach(inventory, host))
    pinned = _pin(known_hosts, name, target, settings.port, key, confirm)
    if pinned and not as_json:
        say(f"{name}: {key.get_name()} {fingerprint(key)} is pinned in {shown_path(known_hosts)};"
            " put it under version control", "green")  # fmt: skip
    return {"host": name, "pinned": pinned, "fingerprint": fingerprint(key)}


def _place(jump: str) -> tuple[str, int]:
    """Return address and port of `user@address:port`, or of `user@address` with IPv6."""
    place = jump.rpartition("@")[2]
    address, _, port = place.partition(":")
    return (address, int(port or 22)) if place.count(":") < 2 else (place, 22)


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
    lines = _lines(path)
    kept = [_without(other, marker) for other in lines]
    replaced = [old for old, new in zip(lines, kept, strict=True) if old not in (new, line)]
    # One under a hashed name, or of the same type, may be what a connection finds first.
    if line in lines and not any("|1|" in old or key.get_name() in old.split() for old in replaced):
        return True
    others = [old for old in replaced if key.get_base64() not in old.split()]
    place = " in the place of another one, which is pinned now" if others else ""
    if not confirm(f"{who} ({address} port {port}) presents {key.get_name()} {fingerprint(key)}. Pin it{place}?"):
        return False
    write_private(
        path, ("\n".join([*(other for other in kept if other is not None), line]) + "\n").encode(), mode=0o644
    )
    return True


def _without(line: str, marker: str) -> str | None:
    """Return a line of `known_hosts` without a host's name, plain or hashed; None if it has no other."""
    first = re.split("[ \t]", line.strip(), maxsplit=1)[0]
    names = first.split(",")
    others = [name for name in names if not is_name_of(name, marker)]
    if others == names:
        return line
    return ",".join(others) + line.strip()[len(first) :] if others else None


def _lines(path: Path) -> list[str]:
    """Return the lines of `known_hosts`, none where it is not there. Raises ConfigurationError."""
    try:
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        cause = (error.strerror or "error").lower() if isinstance(error, OSError) else "it is no UTF-8 text"
        shown = shown_path(path)
        raise ConfigurationError(
            f"the pinned keys cannot be read: {cause}", where=shown, unaffected=f"{shown} is as it was",
            next_step=f"restore it, git checkout -- {shown}, or remove it and pin every host anew",
        ) from None  # fmt: skip
