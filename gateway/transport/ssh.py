"""SSH connections through Fabric: pinned host keys, no agent guesses, no Nagle delay."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import socket
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import fabric
import paramiko
from paramiko.config import SSH_PORT

from gateway.errors import ConfigurationError, UnreachableError
from gateway.inventory.model import Host
from gateway.private_file import home_path

# Paramiko logs a traceback from a thread of its own when a connection breaks; what the operator is told is raised here.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
_UNAFFECTED = "nothing was sent to the host"
_HASHED_NAME = re.compile(r"\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=")  # of ssh-keygen -H: 20 bytes each
_READING = Lock()  # so that connections that open side by side wait for one reading instead of each making its own


def fingerprint(key: paramiko.PKey) -> str:
    """Return a host key's fingerprint as `ssh-keygen -l` shows it."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


class RefuseUnknownKey(paramiko.MissingHostKeyPolicy):
    """Refuses a host whose key is not pinned, and says how to pin it."""

    def __init__(self, host: Host, environment: str) -> None:
        self.host = host
        self.environment = environment

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise UnreachableError with the key's fingerprint."""
        raise UnreachableError(
            f"its {key.get_name()} host key {fingerprint(key)} is not pinned",
            where=f"{self.host.name}: connect to {hostname}",
            unaffected=_UNAFFECTED,
            next_step=f"compare the fingerprint on the host's console, then: "
            f"invoke hosts.trust --env {self.environment} --host {self.host.name}",
        )


def open_transport(host: Host, environment: str, root: Path, known_hosts: Path) -> paramiko.Transport:
    """Connect to a host and return the authenticated transport.

    Fabric accepts any host key by itself (fabric/fabric#1804), so the policy is replaced before the
    connection opens. The socket is made here to switch Nagle's algorithm off before the handshake:
    Paramiko leaves it on, which costs some 40 ms per exec. Raises UnreachableError.
    """
    settings = host.variables.connection
    address = settings.address or host.name
    where = f"{host.name}: connect to {settings.user}@{address} port {settings.port}"
    arguments: dict[str, Any] = {
        "allow_agent": settings.identity_file is None,
        "look_for_keys": settings.identity_file is None,
    }
    if settings.identity_file is not None:
        identity = root / home_path(settings.identity_file, "connection.identity_file")
        if not identity.is_file():
            raise UnreachableError(
                f"the SSH key {settings.identity_file} does not exist", where=where, unaffected=_UNAFFECTED,
                next_step="set connection.identity_file, or create the key",
            )  # fmt: skip
        arguments["key_filename"] = str(identity)
    try:
        gateway = jump_connection(host, environment, root, known_hosts)
        if gateway is None:
            arguments["sock"] = socket.create_connection((address, settings.port), settings.timeout)
            arguments["sock"].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = fabric.Connection(
            address, user=settings.user, port=settings.port, connect_timeout=settings.timeout, gateway=gateway,
            connect_kwargs=arguments, config=fabric.Config(overrides={"load_ssh_configs": False}, lazy=True),
        )  # fmt: skip
        pin(connection, host, environment, known_hosts)
        connection.open()
    except paramiko.BadHostKeyException as error:
        raise UnreachableError(
            f"its host key changed: expected {fingerprint(error.expected_key)}, got {fingerprint(error.key)}",
            where=where,
            unaffected=_UNAFFECTED,
            next_step=f"find out why; if it was reinstalled: invoke hosts.trust --env {environment} --host {host.name}",
        ) from None
    except paramiko.AuthenticationException:
        raise UnreachableError(
            "the host refused the login",
            where=where,
            unaffected=_UNAFFECTED,
            next_step="check connection.user and connection.identity_file",
        ) from None
    except (OSError, paramiko.SSHException, EOFError) as error:
        raise UnreachableError(
            f"no connection: {str(error) or type(error).__name__}", where=where, unaffected=_UNAFFECTED,
            next_step="check connection.address and connection.port, and that sshd runs",
        ) from None  # fmt: skip
    transport: paramiko.Transport | None = connection.transport
    assert transport is not None  # noqa: S101 - an open connection has one
    return transport


def pin(connection: fabric.Connection, host: Host, environment: str, known_hosts: Path) -> None:
    """Let `connection` accept the keys that are pinned for its end, and no others."""
    if known_hosts.is_file():
        name = connection.host if connection.port == SSH_PORT else f"[{connection.host}]:{connection.port}"
        # Fabric's client would read and compare all keys for each connection: at 100 hosts that is seconds.
        for kind, key in dict(pinned_keys(known_hosts).lookup(name) or {}).items():
            connection.client.get_host_keys().add(name, kind, key)
    connection.client.set_missing_host_key_policy(RefuseUnknownKey(host, environment))


def pinned_keys(known_hosts: Path) -> paramiko.HostKeys:
    """Return the keys in `known_hosts`, read once for all connections of a command, until the file is another.

    Raises ConfigurationError if it cannot be read.
    """
    try:
        with _READING:
            status = known_hosts.stat()
            return _read_keys(known_hosts, (status.st_mtime_ns, status.st_size, status.st_ino))
    except (paramiko.hostkeys.InvalidHostKey, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"a line cannot be read: {getattr(error, 'line', error)}", where=str(known_hosts),
            next_step="remove the line, then pin the host's key again: invoke hosts.trust",
        ) from None  # fmt: skip
    except OSError as error:
        raise ConfigurationError(
            f"the pinned keys cannot be read: {(error.strerror or 'error').lower()}", where=str(known_hosts),
            next_step=f"see whose it is, and that you may read it: ls -l {known_hosts}",
        ) from None  # fmt: skip


@lru_cache(maxsize=4)
def _read_keys(known_hosts: Path, _state: tuple[int, ...]) -> paramiko.HostKeys:
    keys = paramiko.HostKeys(str(known_hosts))
    for name in keys:
        if name.startswith("|1|") and not _HASHED_NAME.fullmatch(name):  # Paramiko asserts that it is one
            raise paramiko.hostkeys.InvalidHostKey(name, ValueError("no hashed name"))
    return keys


def is_name_of(name: str, host: str) -> bool:
    """Tell whether a name in `known_hosts`, plain or hashed, is a host's: its address, or `[address]:port`."""
    hashed = _HASHED_NAME.fullmatch(name) is not None
    return name == host or (hashed and paramiko.HostKeys.hash_host(host, name) == name)


def jump_connection(host: Host, environment: str, root: Path, known_hosts: Path) -> fabric.Connection | None:
    """Return the unopened connection to a host's jump host (`user@address:port`), None if it has none.

    Its key must be pinned like any other. Raises ConfigurationError for a known_hosts that cannot be read.
    """
    settings = host.variables.connection
    if settings.jump is None:
        return None
    arguments: dict[str, Any] = {}
    if settings.identity_file is not None:
        arguments["key_filename"] = str(root / home_path(settings.identity_file, "connection.identity_file"))
    jump = fabric.Connection(
        settings.jump, connect_timeout=settings.timeout, connect_kwargs=arguments,
        config=fabric.Config(overrides={"load_ssh_configs": False}, lazy=True),
    )  # fmt: skip
    pin(jump, host, environment, known_hosts)
    return jump


def scan_host_key(sock: socket.socket | paramiko.Channel, timeout: float) -> paramiko.PKey:
    """Return the key that the SSH server at the end of `sock` presents, without logging in; closes `sock`.

    Raises OSError or SSHException.
    """
    transport = paramiko.Transport(sock)
    try:
        transport.start_client(timeout=timeout)
        return transport.get_remote_server_key()
    finally:
        transport.close()
