"""The lab's keys: one to log in with, one per host that proves the host, and known_hosts that pins them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lab.layout import HOSTS, IDENTITY, KNOWN_HOSTS, STATE

if TYPE_CHECKING:
    from collections.abc import Iterable


def ensure_keys() -> str:
    """Make the login key and one host key per host where they are missing, and write known_hosts.

    Host keys lie on the controller and survive a rebuild of their host, so known_hosts stays true.
    """
    missing = [path for path in (IDENTITY, *map(host_key, (host.name for host in HOSTS))) if not path.is_file()]
    for path in missing:
        write_key_pair(path)
    KNOWN_HOSTS.parent.mkdir(parents=True, exist_ok=True)
    KNOWN_HOSTS.write_text(known_hosts_text((host.address, public_key(host_key(host.name))) for host in HOSTS))
    return f"{len(missing)} made" if missing else "unchanged"


def host_key(name: str) -> Path:
    """Return where the private host key of a host lies."""
    return STATE / "hosts" / name / "ssh_host_ed25519_key"


def public_key(private: Path) -> str:
    """Return the public half of a key as OpenSSH writes it, one line without a newline."""
    return Path(f"{private}.pub").read_text().strip()


def known_hosts_text(entries: Iterable[tuple[str, str]]) -> str:
    """Return the lines of a known_hosts file for pairs of address and public key."""
    return "".join(f"{address} {' '.join(key.split()[:2])}\n" for address, key in entries)


def write_key_pair(path: Path) -> None:
    """Write a new Ed25519 key pair in OpenSSH's format; the private half is readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    write_private(path, private)
    Path(f"{path}.pub").write_bytes(public + b" helicone-lab\n")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that is never readable by others, not even for a moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
