"""A project folder with complete role defaults and a small, valid environment `lab`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.inventory import Inventory, load_inventory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DEFAULTS = {
    "common": """\
defaults:
  connection: {transport: ssh, port: 22, user: root, become: false, timeout: 10}
  roles: []
  publish_address: ""
  private_address: ""
  directory: /opt/helicone
  upstream: {repo: upstream.git, ref: main, compose_path: docker/docker-compose.yml, passed_stops: []}
  images: {postgres: "p:1", clickhouse: "c:1", object_store: "o:1", migrations: "m:1", jawn: "j:1", web: "w:1",
           caddy: "y:1", envoy: "e:1", python: "s:1", busybox: "b:1", restic: "r:1"}
  ports: {gateway: 8787, ui: 3000, acme: 80, jawn: 8585, web: 3001, postgres: 5432, clickhouse: 8123,
          object_store: 9000}
  urls: {gateway: "", ui: ""}
  admin: {email: admin@example.com, name: Administrator}
  secrets: {identity: key, recipients: []}
  logging: {max_size: 20m, max_files: 5}
  providers:
    first: {base_url: "https://api.example.com/v1"}
    second: {base_url: "https://second.example.com/api/v2", key_prefix: ms-}
  preflight: {disk_free_gb: 10, memory_mb: 3500, clock_skew_seconds: 60}
  deploy: {batch: 1, health_timeout: 180, settle_seconds: 5, lease_seconds: 30, keep_releases: 5}
  verify: {traced_request: true, model: small, timeout: 60}
""",
    "docker": """\
defaults:
  docker: {install: true, minimum_engine: "20.10", minimum_compose: "2.24.4", registry_certificates: {}}
""",
    "firewall": """\
defaults:
  firewall: {mode: "off", ssh_from: [], allow_from: [], private_from: [], extra_ports: {}, closed_ports: [],
             trusted_interfaces: [], undo_seconds: 30}
  hardening: {sshd: false, updates: false}
""",
    "data": """\
defaults:
  postgres: {mode: bundled, host: "", port: 5432, database: helicone, user: postgres, memory: 1g, cpus: 1,
             environment: {}}
  clickhouse: {open_files: 16384, mode: bundled, url: "", user: default, memory: 4g, cpus: 2, environment: {}}
  object_store: {mode: bundled, endpoint: "", public_endpoint: "", region: us-west-2,
                 buckets: {requests: r, prompts: p, hql: h}, memory: 512m, cpus: 1, environment: {}}
  retention: {bodies_days: 90, requests_days: 0, api_logs_days: 90, system_logs_days: 14, objects_days: 0}
  migrations: {memory: 1g, cpus: 2, allowed_absent: [], compatible: [], backup: true, built_from: {}}
  backup: {enabled: true, repository: "", keep: {last: 5, daily: 7, weekly: 4, monthly: 6}, schedule: "03:30",
           drill_every_days: 7, max_age_hours: 26, max_drill_age_days: 15, memory: 1g, cpus: 1}
""",
    "app": """\
defaults:
  jawn:
    memory: 2g
    cpus: 2
    environment: {FIRST: one}
  web: {memory: 1g, cpus: 1, environment: {}}
  egress: {memory: 256m, cpus: 1}
""",
    "edge": """\
defaults:
  edge:
    memory: 512m
    cpus: 1
    tls: {mode: "off", names: [], email: "", authority: "https://acme.example.com/directory", authority_certificate: "",
          directory: /etc/tls}
  gateway: {recording: edge, default_provider: first, allow_from: [], requests_per_minute: 0, drain_seconds: 60,
            memory: 1g, cpus: 2}
  recorder: {spool: 2g, body: 10m, mirror: 256m, memory: 768m, cpus: 1}
  keys: {memory: 64m, cpus: 0.2}
  door: {memory: 16m, cpus: 0.1}
""",
}
HOSTS = """\
edge:
  hosts:
    app1:
      connection: {address: 192.0.2.1}
    app2:
      connection: {address: 192.0.2.2}
app:
  hosts:
    app1:
    app2:
data:
  hosts:
    data1:
      connection: {address: 192.0.2.3}
      private_address: 10.0.0.3
"""


class Project:
    """A project folder that a test fills."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write `files`, named relative to the environment `lab`, or to the root when they start with /."""
        for name, content in files.items():
            path = self.root / name[1:] if name.startswith("/") else self.root / "inventory/lab" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def load(self, *settings: str, limit: str | None = None) -> Inventory:
        """Load environment `lab`."""
        return load_inventory(self.root, "lab", settings, limit)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a project with role defaults and the environment `lab`: two app hosts and a data host."""
    made = Project(tmp_path)
    made.write({f"/roles/{role}/role.yml": text for role, text in _DEFAULTS.items()})
    made.write({"hosts.yml": HOSTS})
    return made
