"""What hosts look like, as data: releases, snapshots and inventories that tests vary."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import Any

from gateway.inventory import Inventory, load_inventory
from gateway.release import HostRelease
from gateway.render.model import RenderedFile

PROJECT = Path(__file__).resolve().parents[2]
HOSTS = """
all:
  hosts:
    app1: {connection: {address: 10.0.0.1}, private_address: 10.0.0.1}
    app2: {connection: {address: 10.0.0.2}, private_address: 10.0.0.2}
    data1: {connection: {address: 10.0.0.3}, private_address: 10.0.0.3}
  children:
    data: {hosts: {data1: }}
    app: {hosts: {app1: , app2: }}
    edge: {hosts: {app1: , app2: }}
"""
ENVIRONMENT = 'PORT="8585"\nPASSWORD="hunter22"\n'


def load(tmp_path: Path, *settings: str, limit: str | None = None, hosts: str = HOSTS) -> Inventory:
    """Return an inventory of environment `trial` over the project's own role defaults."""
    folder = tmp_path / "project" / "inventory" / "trial"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text(hosts)
    roles = tmp_path / "project" / "roles"
    if not roles.exists():
        roles.symlink_to(PROJECT / "roles")
    return load_inventory(tmp_path / "project", "trial", settings, limit)


def service(name: str, role: str = "app", **more: Any) -> dict[str, Any]:
    """Return a service of a manifest."""
    return {
        "name": name, "role": role, "image": f"{name}:1@sha256:{'a' * 64}", "hash": f"hash of {name}",
        "one_shot": False, "handover": False, "live": [], "ports": [], "environment": {}, **more,
    }  # fmt: skip


def release(*services: dict[str, Any], files: dict[str, str] | None = None) -> HostRelease:
    """Return one host's release with these services (default: jawn) and files."""
    texts = {".env": ENVIRONMENT, "compose.override.yml": "services: {}\n"} if files is None else files
    modes = {name: 0o600 if name == ".env" else 0o644 for name in texts}
    manifest = {
        "format": 1,
        "host": "app1",
        "project": "helicone-trial",
        "upstream": "c" * 40,
        "files": {
            name: {"sha256": hashlib.sha256(text.encode()).hexdigest(), "mode": f"{modes[name]:o}"}
            for name, text in texts.items()
        },
        "services": list(services or [service("jawn")]),
        "secret_keys": ["PASSWORD"],
        "migrations": None,
        "settings": {"health_timeout": 5},
    }
    return HostRelease(manifest, {name: RenderedFile(text.encode(), modes[name]) for name, text in texts.items()})


def container(name: str, **more: Any) -> dict[str, Any]:
    """Return a container of a snapshot that is as `service(name)` wants it."""
    return {
        "service": name, "id": f"id-{name}", "image": service(name)["image"], "state": "running", "health": "healthy",
        "started": "2026-01-01T00:00:00Z", "restarts": 0, "hash": f"hash of {name}", "ports": [], "misread": [], **more,
    }  # fmt: skip


def bare(**facts: Any) -> dict[str, Any]:
    """Return the snapshot of a host that nothing was deployed to."""
    return {
        "facts": {
            "python": "3.11.2", "architecture": platform.machine(), "kernel": "6.1.0-28-amd64", "time": 1000.0,
            "memory": 8 << 30, "disk_free": {"releases": 50 << 30},
            "listening": [], "exposed": {"ports": ["22/tcp"], "bridges": []}, "nftables": True,
            "tools": {"nftables": True, "unattended-upgrades": True, "apt-get": True},
            "certificates": {}, "engine": "20.10.24+dfsg1", "compose": "5.0.1",
            "missing_images": [], **facts,
        },
        "clock_off": 0.0, "current": None, "manifest": None, "contents": {}, "modes": {}, "releases": [],
        "interrupted": None, "history": [], "containers": [], "lease": None,
        "backups": {"log": None, "schedule": "", "restore_cut_off": False, "standing_still": None, "upgrade": None},
        "strayed": [], "foreign_containers": [],
        "guard": {"files": {}, "pending": False}, "edge": {"authority": "", "keys_age": None, "recorder": None},
    }  # fmt: skip


def entry(release: str, outcome: str, **more: Any) -> dict[str, Any]:
    """Return a line of a host's history."""
    return {
        "release": release, "outcome": outcome, "command": "deploy", "owner": "ann@desk", "seconds": 61.5,
        "cause": "", "time": 1.0, **more,
    }  # fmt: skip


def running(of: HostRelease, identifier: str = "1-aaaaaaaaaaaa", **changes: Any) -> dict[str, Any]:
    """Return the snapshot of a host on which a release was deployed and verified."""
    return {
        **bare(),
        "current": identifier,
        "manifest": {**of.manifest, "release": identifier},
        "contents": {name: file.content.decode() for name, file in of.files.items()},
        "modes": {name: f"{file.mode:o} 0" for name, file in of.files.items()},
        "releases": [identifier],
        "history": [entry(identifier, "good")],
        "containers": [container(one["name"]) for one in of.manifest["services"] if not one["one_shot"]],
        **changes,
    }
