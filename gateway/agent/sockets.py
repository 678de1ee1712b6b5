"""The sockets on which programs of this host wait for others, from the kernel's sock_diag(7) or proc(5) net/tcp."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_WAITING = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN; a UDP socket without a peer
_FAMILIES = {"": socket.AF_INET, "6": socket.AF_INET6}
# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_REQUEST, _DUMP, _INTERRUPTED = 1, 0x300, 0x10
_ERROR, _DONE = 2, 3
_HEAD = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_OUTCOME = struct.Struct("=i")  # of a question, behind the header that says that this was all: 0 or -errno
_QUESTION = struct.Struct("=BBBBI48x")  # struct inet_diag_req_v2: family, protocol, extensions, -, states; any socket
_ADDRESS = struct.Struct("=IIII")  # from byte 8 of struct inet_diag_msg; the port stands before it, at byte 4


class Waiting(NamedTuple):
    """One socket: its protocol, its address as the kernel writes it, in hexadecimal, and its port."""

    protocol: str
    address: str
    port: int


def waiting() -> list[Waiting]:
    """Return the sockets of all programs that wait for TCP connections or for UDP packets of anybody.

    For TCP the kernel goes through the whole table of its connections to show proc(5) net/tcp, some milliseconds for
    each family; asked for those that listen, it goes through these alone. Where it cannot be asked, the files tell.
    """
    found = []
    for protocol in _WAITING:
        for family in _FAMILIES:
            try:
                found += listening(family) if protocol == "tcp" else shown(protocol, family)
            except (OSError, ValueError, struct.error):
                found += shown(protocol, family)
    return found


def shown(protocol: str, family: str) -> list[Waiting]:
    """Return the sockets of a protocol and family (empty or `6`) that wait, as proc(5) shows them."""
    try:
        lines = Path(f"/proc/net/{protocol}{family}").read_text().splitlines()[1:]
    except OSError:
        return []  # no IPv6
    found = []
    for line in lines:
        fields = line.split()
        if fields[3] == _WAITING[protocol]:
            address, _, port = fields[1].partition(":")
            found.append(Waiting(protocol, address, int(port, 16)))
    return found


def listening(family: str) -> list[Waiting]:
    """Return the TCP sockets of a family (empty or `6`) that listen. Raises OSError, ValueError, struct.error."""
    question = _QUESTION.pack(_FAMILIES[family], socket.IPPROTO_TCP, 0, 0, 1 << int(_WAITING["tcp"], 16))
    words = 1 if family == "" else 4
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as netlink:
        netlink.settimeout(5)
        netlink.send(_HEAD.pack(_HEAD.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST | _DUMP, 1, 0) + question)
        return [
            Waiting(
                "tcp",
                "".join(f"{word:08X}" for word in _ADDRESS.unpack_from(answer, 8)[:words]),
                int.from_bytes(answer[4:6], "big"),
            )
            for answer in _answers(netlink)
        ]


def _answers(netlink: socket.socket) -> Iterator[bytes]:
    """Yield what the kernel sends until it says that this was all. Raises as `listening` does."""
    while True:
        part = netlink.recv(1 << 16)
        if not part:
            raise ValueError("the kernel's answer broke off")
        while part:
            length, kind, flags, _, _ = _HEAD.unpack_from(part)
            if kind == _ERROR or flags & _INTERRUPTED or not _HEAD.size <= length <= len(part):
                raise ValueError("the kernel cannot be asked")
            if kind == _DONE:
                if _OUTCOME.unpack_from(part, _HEAD.size)[0]:  # such as ENOENT, where no module for TCP is loaded
                    raise ValueError("the kernel did not tell all")
                return
            yield part[_HEAD.size : length]
            part = part[(length + 3) & ~3 :]


def address(hexadecimal: str) -> str:
    """Return an address of proc(5) net/tcp as text; any IPv6 one but loopback's counts as `::` (every address)."""
    if len(hexadecimal) == 8:
        return ".".join(str(byte) for byte in reversed(bytes.fromhex(hexadecimal)))
    return "::1" if hexadecimal == "00000000000000000000000001000000" else "::"
