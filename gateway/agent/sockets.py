"""The sockets on which programs of this host wait for others, from proc(5) net/tcp."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_WAITING = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN; a UDP socket without a peer


class Waiting(NamedTuple):
    """One socket: its protocol, its address as the kernel writes it, in hexadecimal, and its port."""

    protocol: str
    address: str
    port: int


def waiting() -> list[Waiting]:
    """Return the sockets of all programs that wait for TCP connections or for UDP packets of anybody.

    To be called once: the kernel goes through the whole table of its connections, some milliseconds for each file.
    """
    found = []
    for protocol, state in _WAITING.items():
        for family in ("", "6"):
            try:
                lines = Path(f"/proc/net/{protocol}{family}").read_text().splitlines()[1:]
            except OSError:
                continue  # no IPv6
            for line in lines:
                fields = line.split()
                if fields[3] == state:
                    address, _, port = fields[1].partition(":")
                    found.append(Waiting(protocol, address, int(port, 16)))
    return found


def address(hexadecimal: str) -> str:
    """Return an address of proc(5) net/tcp as text; any IPv6 one but loopback's counts as `::` (every address)."""
    if len(hexadecimal) == 8:
        return ".".join(str(byte) for byte in reversed(bytes.fromhex(hexadecimal)))
    return "::1" if hexadecimal == "00000000000000000000000001000000" else "::"
