"""What in the lab is real and what only stands in for it, with the container or image that plays it."""

from __future__ import annotations

from dataclasses import dataclass

from lab.layout import HOSTS, PREFIX, PROVIDER_ADDRESS, REGISTRY_ADDRESS, ROOT, UPSTREAM_REPOSITORY

STAND_IN = "STAND-IN"
UPSTREAM_ADDRESS = UPSTREAM_REPOSITORY.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Part:
    """One part of the lab: what it is, what plays it, and whether that is the real thing."""

    name: str
    played_by: str
    real: bool
    container: str = ""
    address: str = ""

    @property
    def mark(self) -> str:
        """Return `real` or `STAND-IN`, as it is shown wherever the part appears."""
        return "real" if self.real else STAND_IN


def parts() -> tuple[Part, ...]:
    """Return every part of the lab, containers of this machine first, then what runs on the hosts."""
    hosts = tuple(
        Part(
            host.name,
            f"Debian 12, login {host.user}, {'Docker Engine' if host.docker else 'bare'}",
            real=True,
            container=host.container,
            address=host.address,
        )
        for host in HOSTS
    )
    return (
        *hosts,
        Part("registry", "docker-registry, TLS", True, f"{PREFIX}-registry", REGISTRY_ADDRESS),
        Part("provider", "a program that speaks the OpenAI API", False, f"{PREFIX}-provider", PROVIDER_ADDRESS),
        Part("jawn", "a program that acts like Helicone's", real=False),
        Part("web", "a program that acts like Helicone's", real=False),
        Part("migrations", "a program that acts like Helicone's", real=False),
        Part("upstream", "a repository shaped like Helicone's", real=False, address=UPSTREAM_ADDRESS),
        Part("postgres", "PostgreSQL 17", real=True),
        Part("clickhouse", "ClickHouse's engine (chdb) over HTTP", real=True),
        Part("object-store", "rclone serve s3", real=True),
        Part("edge and egress", "Caddy", real=True),
        Part("gateway", "Envoy", real=True),
        Part("backups", "restic", real=True),
    )
