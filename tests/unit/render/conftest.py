"""Inventories, secrets and an upstream of the real one's shape, to render in tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.inventory import Inventory, load_inventory
from gateway.secret import Secret
from gateway.secret_names import SECRET_NAMES
from gateway.upstream import Upstream
from gateway.vault import Vault
from tests.unit.situations import HOSTS, PROJECT

UPSTREAM = Path(__file__).with_name("upstream.yml")

SINGLE = """
all:
  hosts:
    one: {connection: {transport: local}}
  children:
    data: {hosts: {one: }}
    app: {hosts: {one: }}
    edge: {hosts: {one: }}
"""
FIVE = """
all:
  hosts:
    edge1: {connection: {address: 203.0.113.1}}
    edge2: {connection: {address: 203.0.113.2}}
    app1: {connection: {address: 192.0.2.1}, private_address: 10.0.0.1}
    app2: {connection: {address: 192.0.2.2}, private_address: 10.0.0.2}
    data1: {connection: {address: 192.0.2.3}, private_address: 10.0.0.3}
  vars:
    urls: {ui: "https://helicone.example.com", gateway: "https://llm.example.com"}
  children:
    data: {hosts: {data1: }}
    app: {hosts: {app1: , app2: }}
    edge: {hosts: {edge1: , edge2: }}
"""
EXTERNAL = """
all:
  hosts:
    one: {connection: {transport: local}}
  vars:
    postgres: {mode: external, host: pg.example.com, port: 6432, user: helicone}
    clickhouse: {mode: external, url: "https://ch.example.com:8443"}
    object_store: {mode: external, endpoint: "https://s3.example.com"}
  children:
    app: {hosts: {one: }}
    edge: {hosts: {one: }}
"""
LAYOUTS = {"single": SINGLE, "three": HOSTS, "five": FIVE, "external": EXTERNAL}


class EveryImage(dict[str, str]):
    """A lock that knows every image."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> str:
        return "sha256:" + "a" * 64


@pytest.fixture
def lock() -> dict[str, str]:
    return EveryImage()


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault({name: Secret(described.make() if described.make else "") for name, described in SECRET_NAMES.items()})


@pytest.fixture
def upstream() -> Upstream:
    return Upstream("c" * 40, UPSTREAM.read_bytes(), ("1_first.sql",), ("schema_0.sql",))


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[..., Inventory]:
    """Return a loader of one of the LAYOUTS, with `--set` arguments, over the project's own role defaults."""

    def load(layout: str, *settings: str, limit: str | None = None) -> Inventory:
        root = tmp_path / "root"
        folder = root / "inventory" / layout
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts.yml").write_text(LAYOUTS[layout])
        if not (root / "roles").exists():
            (root / "roles").symlink_to(PROJECT / "roles")
        return load_inventory(root, layout, settings, limit)

    return load
