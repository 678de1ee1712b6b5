"""`invoke hosts.trust`: pinning a host's SSH key after a human compared it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.errors import ConfigurationError, UnreachableError
from gateway.inventory import Inventory
from gateway.transport.ssh import fingerprint, scan_host_key


def trust(inventory: Inventory, name: str, confirm: Callable[[str], bool]) -> dict[str, Any]:
    """Show the key that a host presents and, once confirmed, pin it in the inventory's `known_hosts`.

    Replaces what was pinned for the address. Raises ConfigurationError for an unknown host or the
    local one, UnreachableError when nothing answers.
    """
    host = inventory.hosts.get(name)
    if host is None or host.variables.connection.transport == "local":
        known = ", ".join(h for h in inventory.hosts)
        raise ConfigurationError(f"there is no SSH host `{name}`", where="--host", next_step=f"one of: {known}")
    settings = host.variables.connection
    address = settings.address or name
    try:
        key = scan_host_key(address, settings.port, settings.timeout)
    except Exception as error:  # noqa: BLE001 - sockets and Paramiko have no common root
        raise UnreachableError(
            f"no SSH server answers: {error}", where=f"{name}: connect to {address} port {settings.port}",
            unaffected="known_hosts is as it was", next_step="check connection.address and connection.port in the"
            " inventory, and that this machine reaches them without a jump host",
        ) from None  # fmt: skip
    if not confirm(f"{name} ({address} port {settings.port}) presents {key.get_name()} {fingerprint(key)}. Pin it?"):
        return {"host": name, "pinned": False}
    marker = address if settings.port == 22 else f"[{address}]:{settings.port}"
    path = inventory.path / "known_hosts"
    lines = path.read_text().splitlines() if path.is_file() else []
    kept = [line for line in lines if marker not in line.split(" ")[0].split(",")]
    path.write_text("\n".join([*kept, f"{marker} {key.get_name()} {key.get_base64()}"]) + "\n")
    return {"host": name, "pinned": True, "fingerprint": fingerprint(key)}
