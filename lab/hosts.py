"""The three hosts: containers with sshd and room for a Docker engine of their own."""

from __future__ import annotations

import ipaddress
import json
import socket
from pathlib import Path

from gateway.errors import ConfigurationError, GatewayError
from lab.containers import Container, PlacedFile, ensure_container, remove_container
from lab.engine import docker, inspect, try_docker
from lab.keys import host_key, public_key
from lab.layout import (
    HOSTS,
    IDENTITY,
    PROVIDER_ADDRESS,
    PROVIDER_NAME,
    REGISTRY_ADDRESS,
    REGISTRY_NAME,
    HostLayout,
)
from lab.progress import wait_until

READY_SECONDS = 60.0
# What an engine inside a container needs, named one by one: some machines refuse --privileged.
_CAPABILITIES = (
    *("SYS_ADMIN", "NET_ADMIN", "NET_RAW", "SYS_PTRACE", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE"),
    *("DAC_READ_SEARCH", "IPC_LOCK", "SYS_NICE", "SYSLOG"),
)
_NAMED_RIGHTS = (
    *(f"--cap-add={capability}" for capability in _CAPABILITIES),
    "--device-cgroup-rule=a *:* rwm",
    *(f"--security-opt={option}=unconfined" for option in ("seccomp", "apparmor", "systempaths")),
)
_ALL_RIGHTS = ("--privileged",)


def ensure_host(host: HostLayout) -> str:
    """Bring one host up and return what had to be done; raise GatewayError when it does not get ready.

    The rights are granted one by one, and --privileged only where that is not enough; a host that
    already runs with --privileged keeps it.
    """
    found = inspect("container", host.container, "{{.HostConfig.Privileged}}")
    privileged = host_container(host, _ALL_RIGHTS)
    if found == "true":
        return _bring_up(host, privileged)
    try:
        return _bring_up(host, host_container(host, _NAMED_RIGHTS))
    except GatewayError as first:
        if found is not None:
            raise  # it ran before, so rights are not what it lacks; what is on it must not be lost
        try:
            return f"{_bring_up(host, privileged)}, --privileged"
        except GatewayError:
            remove_container(privileged)
            raise first from None


def host_container(host: HostLayout, rights: tuple[str, ...]) -> Container:
    """Return the container of a host, with the options that give it the rights an engine needs."""
    return Container(
        name=host.container,
        image=host.image,
        address=host.address,
        private_address=host.private_address,
        options=(
            *("--hostname", host.name, "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"),
            "--tmpfs=/run:exec,mode=755",
            f"--add-host={REGISTRY_NAME}:{REGISTRY_ADDRESS}",
            f"--add-host={PROVIDER_NAME}:{PROVIDER_ADDRESS}",
            *rights,
        ),
        volumes={
            f"{host.container}-docker": "/var/lib/docker",
            f"{host.container}-containerd": "/var/lib/containerd",
        },
        files=_host_files(host),
    )


def find_host(name: str) -> HostLayout:
    """Return the host of that name; raise ConfigurationError when there is none."""
    for host in HOSTS:
        if host.name == name:
            return host
    raise ConfigurationError(f"the lab has no host {name}", next_step=f"one of {', '.join(h.name for h in HOSTS)}")


def ssh_counts(name: str) -> tuple[int, int]:
    """Return how many logins and how many commands sshd on a host has accepted since it was made."""
    return count_sessions(docker("exec", find_host(name).container, "cat", "/var/log/sshd.log"))


def count_sessions(log: str) -> tuple[int, int]:
    """Return the logins and commands in sshd's log (LogLevel VERBOSE)."""
    return log.count("Accepted publickey for "), log.count("Starting session: command for ")


def engine_settings(host: str, nameservers: str) -> dict[str, object]:
    """Return daemon.json of a host's own engine.

    Its containers get a control group that the lab can find and remove, and the machine's nameservers
    out of the given resolv.conf: inside a container resolv.conf names 127.0.0.11, which a second
    engine cannot use, and it would fall back to public servers that may not be reachable.
    """
    words = [line.split() for line in nameservers.splitlines()]
    servers = [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]
    usable = [server for server in servers if not ipaddress.ip_address(server.split("%")[0]).is_loopback]
    settings: dict[str, object] = {"cgroup-parent": f"/helicone-lab/{host}"}
    return settings | ({"dns": usable} if usable else {})


def stop_engine(host: HostLayout) -> None:
    """Kill what runs on a host and remove its control groups, which outlive their processes otherwise."""
    script = (
        "docker ps -q | xargs -r docker kill; service docker stop;"
        f" find /sys/fs/cgroup -depth -type d -path '*/helicone-lab/{host.name}*' -exec rmdir {{}} +;"
        " find /sys/fs/cgroup -depth -type d -path '*/helicone-lab' -exec rmdir {} +"
    )
    try_docker("exec", host.container, "sh", "-c", script)


def _host_files(host: HostLayout) -> dict[str, PlacedFile]:
    key = host_key(host.name)
    home, owner, group = ("/root", 0, 0) if host.user == "root" else (f"/home/{host.user}", 1000, 37)
    settings = json.dumps(engine_settings(host.name, Path("/etc/resolv.conf").read_text()), indent=2) + "\n"
    authorized = f"{public_key(IDENTITY)}\n".encode()
    return {
        "/etc/ssh/ssh_host_ed25519_key": PlacedFile(key.read_bytes(), 0o600),
        "/etc/ssh/ssh_host_ed25519_key.pub": PlacedFile(f"{public_key(key)}\n".encode()),
        f"{home}/.ssh/authorized_keys": PlacedFile(authorized, 0o600, owner, group),
        "/etc/docker/daemon.json": PlacedFile(settings.encode()),
    }


def _bring_up(host: HostLayout, container: Container) -> str:
    outcome = ensure_container(container)
    _require_ready(host)
    return outcome


def _require_ready(host: HostLayout) -> None:
    """Wait until sshd greets and, where the host comes with Docker, the engine answers."""
    if not wait_until(lambda: _greets(host.address), seconds=READY_SECONDS):
        raise GatewayError("sshd does not answer", where=host.name, next_step=f"docker logs {host.container}")
    if host.docker and not wait_until(lambda: _engine_answers(host), seconds=READY_SECONDS):
        raise GatewayError(
            "the Docker engine on it does not start",
            where=host.name,
            next_step=f"docker exec {host.container} tail /var/log/docker.log",
        )


def _greets(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _engine_answers(host: HostLayout) -> bool:
    return try_docker("exec", host.container, "docker", "version") is not None
