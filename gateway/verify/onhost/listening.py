"""What listens for TCP connections, on the host or inside a container's network, and who it is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

_EVERY_IPV6 = "0" * 32
_LOOPBACK_IPV6 = "00000000000000000000000001000000"


class Listener(NamedTuple):
    """An address and port that something listens on; `inode` is that of its socket."""

    address: str
    port: int
    inode: str


def of_process(process: int | str) -> list[Listener]:
    """Return the TCP listeners in the network namespace of a process (`self`: the host's own)."""
    found = []
    for family in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{process}/net/{family}").read_text().splitlines()[1:]
        except FileNotFoundError:
            continue  # no IPv6
        for fields in (line.split() for line in lines):
            if fields[3] == "0A":  # TCP_LISTEN
                address, _, port = fields[1].partition(":")
                found.append(Listener(_text(address), int(port, 16), fields[9]))
    return found


def of_host(ports: list[int], published: list[list[Any]]) -> list[dict[str, Any]]:
    """Return the listeners on `ports` that other machines can reach and that are not among `published`.

    `published` are pairs of address and port. Each found one comes with the name of its process, as
    far as this user may see it.
    """
    expected = {(address, port) for address, port in published}
    expected |= {("::", port) for address, port in expected if address == "0.0.0.0"}  # noqa: S104 - compared
    surplus = [
        listener
        for listener in of_process("self")
        if listener.port in ports
        and not listener.address.startswith("127.")
        and listener.address != "::1"
        and (listener.address, listener.port) not in expected
    ]
    holders = _holders({listener.inode for listener in surplus}) if surplus else {}
    return [
        {"address": listener.address, "port": listener.port, "process": holders.get(listener.inode, "")}
        for listener in surplus
    ]


def _holders(inodes: set[str]) -> dict[str, str]:
    """Return the name of the process that holds each socket, from proc(5)."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for descriptor in (process / "fd").iterdir():
                match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(descriptor))  # noqa: PTH115 - not a path
                if match and match[1] in inodes:
                    found[match[1]] = (process / "comm").read_text().strip()
        except OSError:
            continue  # it ended meanwhile, or is not ours to see
    return found


def _text(hexadecimal: str) -> str:
    """Return an address of proc(5) net/tcp as text: four-byte words, each in the host's byte order."""
    if hexadecimal == _EVERY_IPV6:
        return "::"
    if hexadecimal == _LOOPBACK_IPV6:
        return "::1"
    words = [bytes(reversed(bytes.fromhex(hexadecimal[i : i + 8]))) for i in range(0, len(hexadecimal), 8)]
    if len(words) == 1:
        return ".".join(str(byte) for byte in words[0])
    if words[:2] == [b"\0" * 4] * 2 and words[2] == b"\0\0\xff\xff":
        return ".".join(str(byte) for byte in words[3])
    return ":".join(word.hex()[i : i + 4] for word in words for i in (0, 4))
