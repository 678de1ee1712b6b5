"""What a host that nothing was deployed to can and cannot do: its addresses, names it resolves, places it reaches."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SECONDS = 5
_GET_ADDRESS = 0x8915  # SIOCGIFADDR, netdevice(7)


def examine(places: list[list[Any]], files: list[str]) -> dict[str, Any]:
    """Return what the host is, whether it reaches each `[name, port]`, and which of `files` are there.

    A place that refuses the connection was reached: that is what a host answers on which nothing runs yet.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(places))) as pool:
        reached = list(pool.map(lambda place: _reach(str(place[0]), int(place[1])), places))
    return {
        "system": _system(),
        "addresses": addresses(),
        "can_install": shutil.which("dockerd") is not None or shutil.which("apt-get") is not None,
        "systemd": Path("/run/systemd/system").is_dir(),
        "places": [
            {"name": name, "port": port, "problem": problem, "refused": refused}
            for (name, port), (problem, refused) in zip(places, reached)  # noqa: B905 - python 3.9
        ],
        "files": {path: Path(path).is_file() for path in files},
    }


def addresses() -> list[str]:
    """Return the host's own IPv4 addresses, and its IPv6 ones as proc(5) net/if_inet6 gives them."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe.fileno(), _GET_ADDRESS, struct.pack("256s", name.encode()[:15]))
            except OSError:  # an interface without an IPv4 address
                continue
            found.append(socket.inet_ntoa(answer[20:24]))
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        lines = []
    found += [socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line.split()[0])) for line in lines]
    return found


def _reach(name: str, port: int) -> tuple[str, bool]:
    """Return what keeps a connection from being made, empty if nothing does, and whether it was refused."""
    try:
        with socket.create_connection((name, port), timeout=SECONDS):
            return "", False
    except ConnectionRefusedError:
        return "", True
    except socket.gaierror as error:
        return f"the name cannot be resolved ({error.strerror})", False
    except OSError as error:
        reason = "no answer" if isinstance(error, (socket.timeout, TimeoutError)) else error.strerror or str(error)
        return f"{reason} within {SECONDS} s" if reason == "no answer" else reason, False


def _system() -> str:
    """Return the distribution's own name, from os-release(5)."""
    try:
        for line in Path("/etc/os-release").read_text().splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip('"')
    except OSError:
        pass
    return os.uname().sysname
