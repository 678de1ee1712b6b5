"""What must hold for the way to a host, before anybody connects to it."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.inventory.host_rules import refuse_value
from gateway.wording import printable

if TYPE_CHECKING:
    from gateway.inventory.model import Host

_JUMP = re.compile(r"(?:[^\s@:/]+@)?(?P<address>[^\s@:/]+)(?::(?P<port>[0-9]{1,5}))?")
_HIGHEST_PORT = 65535


def validate_connection(host: Host, line: str) -> None:
    """Raise ConfigurationError for the first thing about the connection to `host`, listed at `line`, that cannot be."""
    connection = host.variables.connection
    if connection.transport != "ssh":
        return
    if not connection.address:
        raise ConfigurationError(
            f"host `{host.name}` has no `connection.address`",
            where=line,
            next_step="set `connection.address` for it, or `connection.transport: local` for this machine",
        )
    if not _is_address(connection.address):
        raise refuse_value(
            host,
            "connection.address",
            f"`connection.address` must be an IP address or a host name, not `{printable(connection.address)}`",
            "user and port are variables of their own: connection.user, connection.port",
        )
    if connection.jump is not None and not _is_jump(connection.jump):
        raise refuse_value(
            host,
            "connection.jump",
            f"`connection.jump` must be user@address or user@address:port, not `{printable(connection.jump)}`",
            "for example deploy@192.0.2.1:22",
        )


def _is_address(text: str) -> bool:
    """Tell whether a text can be looked up: an IP address, or a name whose parts DNS can hold."""
    try:
        ip_address(text)
    except ValueError:
        pass
    else:
        return True
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return re.search(r"[\s@:/]", text) is None


def _is_jump(text: str) -> bool:
    """Tell whether a text is `user@address:port`; user and port may be left out, with IPv6 the port must."""
    match = _JUMP.fullmatch(text)
    if match is None:
        return ":" in text and _is_address(text.rpartition("@")[2])
    return _is_address(match["address"]) and 1 <= int(match["port"] or 22) <= _HIGHEST_PORT
