"""An environment whose hosts are made up: see `made_up`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.inventory import Inventory, load_inventory
from gateway.secret import Secret
from gateway.vault import Vault
from tests.unit.verify.made_up import (
    IMAGE,
    OVERRIDE,
    SECRET,
    FakeConversation,
    container,
    sight,
    snapshot,
    write_release,
)

PROJECT = Path(__file__).resolve().parents[3]
HOSTS = """
all:
  vars: {{directory: {directory}, preflight: {{disk_free_gb: 0, memory_mb: 0}}, verify: {{traced_request: false}}}}
  hosts:
    app1: {{connection: {{address: 192.0.2.1}}, private_address: 10.0.0.1}}
    data1: {{connection: {{address: 192.0.2.3}}, private_address: 10.0.0.3}}
  children:
    app: {{hosts: {{app1: }}}}
    edge: {{hosts: {{app1: }}}}
    data: {{hosts: {{data1: }}}}
"""


@pytest.fixture
def vault() -> Vault:
    return Vault({"helicone_api_key": Secret("sk-helicone-key"), "postgres_password": Secret(SECRET)})


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Return an app host with an edge and a data host, kept in a temporary folder."""
    folder = tmp_path / "root" / "inventory" / "test"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text(HOSTS.format(directory=tmp_path / "host"))
    (tmp_path / "root" / "roles").symlink_to(PROJECT / "roles")
    return load_inventory(tmp_path / "root", "test")


@pytest.fixture
def released(tmp_path: Path) -> Callable[[str], FakeConversation]:
    """Return a maker of hosts whose only service is `egress`, with the files of the release on disk."""

    def make(name: str) -> FakeConversation:
        folder = tmp_path / "host" / "test"
        release = folder / "releases" / "3-abc"
        files = {
            ".env": f'PASSWORD="{SECRET}"\nUI_URL="http://192.0.2.1:3000"\n',
            "compose.override.yml": OVERRIDE.format(image=IMAGE, folder=folder),
            "egress/Caddyfile": ":80\n",
        }
        manifest = {
            "format": 1, "release": "3-abc", "host": name, "project": "helicone-test", "secret_keys": ["PASSWORD"],
            "migrations": None,
            "files": {
                path: {"sha256": hashlib.sha256(text.encode()).hexdigest(), "mode": "600" if path == ".env" else "644"}
                for path, text in files.items()
            },
            "services": [
                {"name": "egress", "role": "app", "image": IMAGE, "hash": "h" * 64, "one_shot": False, "ports": [],
                 "environment": {"PLAIN": "text"}},
            ],
        }  # fmt: skip
        if not release.exists():
            write_release(folder, release, {**files, "manifest.json": json.dumps(manifest)})
        return FakeConversation(snapshot(files, manifest), sight(container()))

    return make


@pytest.fixture(autouse=True)
def _no_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the checks from this process's network: every port is closed."""
    monkeypatch.setattr("gateway.verify.outside.is_open", lambda *_: False)
