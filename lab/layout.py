"""Names, addresses and places of the lab: every other module reads them here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "lab" / "images"
UPSTREAM_TREE = ROOT / "lab" / "upstream"
STATE = ROOT / ".lab"
WHEELS = ROOT / ".cache" / "wheels"
LOGS = STATE / "logs"
COMMAND_LOCK = ROOT / ".cache" / "lab.lock"
IDENTITY = STATE / "id_ed25519"
UPSTREAM_REPOSITORY = STATE / "upstream.git"
INVENTORY = ROOT / "inventory" / "lab"
KNOWN_HOSTS = INVENTORY / "known_hosts"
IMAGE_LOCK = INVENTORY / "images.lock.yml"
SECRETS = INVENTORY / "secrets.yml.age"

PREFIX = "helicone-lab"
LABEL = "helicone.lab"  # on everything that the lab makes in the engine
CONTENT_LABEL = "helicone.lab.content"  # what an image was built from, or a container created from
PUBLIC_NETWORK = PREFIX
PRIVATE_NETWORK = f"{PREFIX}-private"
SUBNETS = {PUBLIC_NETWORK: "172.30.87.0/24", PRIVATE_NETWORK: "172.30.88.0/24"}

REGISTRY_NAME = "registry.lab"
REGISTRY_ADDRESS = "172.30.87.5"
REGISTRY = f"{REGISTRY_NAME}:5000"
REGISTRY_VOLUME = f"{PREFIX}-registry"
# The engine treats a loopback registry as plain HTTP, so pushing needs no file of the operator's machine.
PUSH_REGISTRY = "127.0.0.1:5087"
PROVIDER_NAME = "provider.lab"
PROVIDER_ADDRESS = "172.30.87.6"
PROVIDER_PORT = 8080


@dataclass(frozen=True)
class HostLayout:
    """One host of the fleet: its address on both networks, its login, and whether it comes with Docker."""

    name: str
    number: int
    user: str
    docker: bool

    @property
    def address(self) -> str:
        """Return the address at which the controller and clients reach the host."""
        return f"172.30.87.{self.number}"

    @property
    def private_address(self) -> str:
        """Return the address at which the other hosts reach it."""
        return f"172.30.88.{self.number}"

    @property
    def container(self) -> str:
        """Return the name of the container that plays the host."""
        return f"{PREFIX}-{self.name}"

    @property
    def image(self) -> str:
        """Return the image it is made from; a bare host has no Docker."""
        return f"{PREFIX}/host-docker" if self.docker else f"{PREFIX}/host"


HOSTS = (
    HostLayout("app1", 11, "root", docker=True),
    HostLayout("app2", 12, "operator", docker=False),
    HostLayout("data1", 13, "root", docker=True),
)

# What is pushed: the directory under lab/images, and its name and tag in the registry.
PUBLISHED = {
    "postgres": "postgres:17.4",
    "clickhouse": "clickhouse:24.3",
    "object-store": "object-store:1",
    "jawn": "jawn:lab",
    "web": "web:lab",
    "migrations": "migrations:lab",
    "caddy": "caddy:2",
    "jawn-broken": "jawn:broken",
    "jawn-unhealthy": "jawn:unhealthy",
    "jawn-next": "jawn:next",
    "web-next": "web:next",
    "migrations-next": "migrations:next",
    "migrations-broken": "migrations:broken",
    "migrations-slow": "migrations:slow",
    "envoy": "envoy:1",
    "envoy-next": "envoy:next",
    "python": "python:3",
    "busybox": "busybox:1",
    "restic": "restic:1",
}
FLEET_IMAGES = ("host", "host-docker", "registry", "provider")
ALL_IMAGES = (*FLEET_IMAGES, *PUBLISHED)
