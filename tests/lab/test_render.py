"""The example environments render before any host, registry or secret is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from gateway.render.merge import merged_definition
from lab.layout import UPSTREAM_REPOSITORY
from tests.lab.command import ROOT, Result, invoke

DATA, APP = {"db", "clickhouse", "object-store", "migrations"}, {"egress", "jawn", "web"}
EDGE = {"door", "edge", "gateway", "keys", "recorder"}
ADDRESSES = {
    "staging1.example.com": ("192.0.2.21", "10.20.0.21"),
    "staging2.example.com": ("192.0.2.22", "10.20.0.22"),
    "staging-data.example.com": ("", "10.20.0.23"),
    "edge1": ("192.0.2.31", "10.30.0.31"),
    "edge2": ("192.0.2.32", "10.30.0.32"),
    "app1": ("", "10.30.0.41"),
    "app2": ("", "10.30.0.42"),
    "data1": ("", "10.30.0.51"),
}
ENVIRONMENTS = {
    "staging": {
        "staging1.example.com": APP | EDGE, "staging2.example.com": APP | EDGE, "staging-data.example.com": DATA,
    },
    "production": {"edge1": EDGE, "edge2": EDGE, "app1": APP, "app2": APP, "data1": DATA},
}  # fmt: skip


@pytest.fixture(params=ENVIRONMENTS)
def rendered(request, deployed, tmp_path) -> Iterator[tuple[str, Result]]:
    """Render an example environment to a folder; the secrets that this makes are removed again."""
    folder = ROOT / "inventory" / request.param
    secrets = folder / "secrets.yml.age"
    if secrets.exists() or (folder / "images.lock.yml").exists():
        pytest.skip(f"{request.param} is in use on this machine")
    try:
        yield request.param, invoke(
            "render", "--env", request.param, "--out", str(tmp_path / "out"),
            "--set", f"upstream.repo={UPSTREAM_REPOSITORY.relative_to(ROOT)}", "--set", "upstream.ref=lab",
            # The published image was built from a tag that only Helicone's own repository has.
            "--set", "images.migrations=registry.example.com/migrations:1",
            "--set", f"secrets.identity={tmp_path / 'age.key'}",
        )  # fmt: skip
    finally:
        secrets.unlink(missing_ok=True)


def test_every_host_gets_the_services_of_its_groups_on_its_own_addresses(rendered, tmp_path):
    environment, result = rendered
    assert result.code == 0, result.text
    assert f"invoke images.lock --env {environment}" in result.err
    hosts = ENVIRONMENTS[environment]
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()} == set(hosts)
    for host, services in hosts.items():
        folder = tmp_path / "out" / host
        assert (folder / ".env").stat().st_mode & 0o777 == 0o600
        names = ("compose.upstream.yml", "compose.override.yml", ".env")
        files = {name: (folder / name).read_bytes() for name in names}
        merged = merged_definition(f"helicone-{environment}", str(folder), files)["services"]
        assert set(merged) == services
        published = {(port["host_ip"], port["published"]) for one in merged.values() for port in one.get("ports", ())}
        public, private = ADDRESSES[host]
        assert {where for where, number in published if number in ("8787", "3000")} == ({public} if public else set())
        assert {where for where, number in published if number not in ("8787", "3000")} <= {private}
        assert all(one["image"].endswith("@sha256:" + "0" * 64) for one in merged.values())
        labels = yaml.safe_load((folder / "compose.labels.yml").read_text())["services"]
        assert set(labels) >= services - {"migrations"}
