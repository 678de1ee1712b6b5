"""Runs on a foreign host: asks every TCP port of the addresses named, by bare SYN packets, which of them answer.

Prints a JSON object, address to open ports. Every port is asked twice, because a packet may be lost; one source
port for all keeps the connection tracking of the machine in between small.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time

SOURCE_PORT = 61999
SYN, SYN_ACK = 0x02, 0x12
SILENCE = 1.0


class Syn:
    """A SYN segment for one target, whose port and checksum (RFC 1071) are put in place again and again."""

    def __init__(self, source: bytes, target: bytes) -> None:
        self.data = bytearray(struct.pack("!HHIIBBHHH", SOURCE_PORT, 0, 1, 0, 5 << 4, SYN, 64240, 0, 0))
        pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(self.data)) + self.data
        self.sum = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))

    def to(self, port: int) -> bytearray:
        """Return the segment for a port."""
        total = self.sum + port
        total = (total >> 16) + (total & 0xFFFF)
        struct.pack_into("!H", self.data, 2, port)
        struct.pack_into("!H", self.data, 16, ~(total + (total >> 16)) & 0xFFFF)
        return self.data


def scan(address: str) -> list[int]:
    """Return the open ports of an address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        route.connect((address, 9))
        source = socket.inet_aton(route.getsockname()[0])
    target = socket.inet_aton(address)
    syn = Syn(source, target)
    found: set[int] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.setblocking(False)
        for _ in range(2):
            for port in range(1, 65536):
                raw.sendto(syn.to(port), (address, 0))
                if port % 64 == 0:
                    found |= heard(raw, target, 0)
            found |= heard(raw, target, SILENCE)
    return sorted(found)


def heard(raw: socket.socket, target: bytes, silence: float) -> set[int]:
    """Return the ports that answered so far; wait for more until `silence` seconds are over."""
    found = set()
    deadline = time.monotonic() + silence
    while True:
        try:
            packet = raw.recv(128)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return found
            time.sleep(0.01)
            continue
        start = (packet[0] & 15) * 4
        port, destination = struct.unpack_from("!HH", packet, start)
        if packet[12:16] == target and destination == SOURCE_PORT and packet[start + 13] & SYN_ACK == SYN_ACK:
            found.add(port)


if __name__ == "__main__":
    print(json.dumps({address: scan(address) for address in sys.argv[1:]}))
