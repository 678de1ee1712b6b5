"""The doctor: before a first deploy, and of hosts that are broken."""

from __future__ import annotations

import base64
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.commands.project import open_project
from gateway.console import Reporter
from tests.lab.command import ROOT, all_containers, invoke, lab, on_host

pytestmark = pytest.mark.usefixtures("deployed")


@pytest.fixture
def another() -> Iterator[Path]:
    """Make a second environment on the lab's hosts that has mistakes of several kinds, and no secrets yet."""
    folder = ROOT / "inventory" / "another"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "inventory" / "lab", folder)
    (folder / "secrets.yml.age").unlink()
    (folder / "host_vars").mkdir(exist_ok=True)
    (folder / "host_vars" / "app1.yml").write_text(
        "publish_address: 172.30.87.99\n"
        "providers:\n  openai:\n    base_url: http://nowhere.invalid:8080/v1\n"
        "preflight:\n  memory_mb: 9000000\n"
    )
    (folder / "host_vars" / "app2.yml").write_text("connection:\n  address: 172.30.87.98\n  timeout: 2\n")
    yield folder
    shutil.rmtree(folder)


def test_nothing_stands_in_the_way_of_a_deploy_to_the_lab():
    before = all_containers()
    result = lab("doctor")
    assert result.code == 0, result.text
    assert "nothing stands in the way: invoke deploy --env lab" in result.out
    one = lab("doctor", "--host", "data1", "--json")
    assert one.code == 0, one.text
    assert set(one.data()["findings"]) == {"(files)", "data1"}
    assert all_containers() == before


def test_every_mistake_is_found_at_once_with_what_to_type_next(another: Path):
    result = invoke("doctor", "--env", "another", "--json")
    assert result.code == 2, result.text
    found = result.data()["report"]["findings"]
    assert all(one["next_step"] for findings in found.values() for one in findings)
    app1 = "\n".join(one["text"] for one in found["app1"])
    for words in (
        "172.30.87.99 is no address",
        "nowhere.invalid port 8080 (the provider openai)",
        "memory_mb asks for",
    ):
        assert words in app1, app1
    assert len(found["app2"]) == 1  # it cannot be reached, which hides no other host's findings
    assert any("port 5432 for db is in use" in one["text"] for one in found["data1"])  # by the other environment
    assert not (another / "secrets.yml.age").exists()
    assert on_host("app1", "ls /opt/helicone").split() == ["lab"]
    assert invoke("doctor", "--env", "another", "--host", "app7").code == 2


def test_the_support_bundle_of_a_broken_host_tells_why_and_holds_no_secret(tmp_path: Path):
    path = tmp_path / "help.tar.gz"
    on_host("app1", "docker stop -t 1 helicone-lab-web-1")
    try:
        result = lab("doctor", "--bundle", str(path))
    finally:
        health = "docker inspect -f '{{.State.Health.Status}}' helicone-lab-web-1 | grep -qx healthy"
        on_host("app1", f"docker start helicone-lab-web-1; for i in $(seq 60); do sleep 0.5; {health} && break; done")
    assert result.code == 0, result.text
    with tarfile.open(path) as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}
    for host in ("app1", "app2", "data1"):
        assert {f"support/{host}/{name}" for name in (
            "docker-ps.txt", "disk.txt", "memory.txt", "versions.txt", "history.jsonl", "journal.jsonl", "edge.json",
            "snapshot.json", "release/manifest.json", "release/.env", "release/compose.override.yml",
        )} <= files.keys()  # fmt: skip
    assert b'"exited"' in files["support/app1/containers/helicone-lab-web-1.json"]
    assert files["support/app1/logs/helicone-lab-jawn-1.txt"]
    assert b"helicone-lab-web-1" in files["support/app1/docker-ps.txt"]
    everything = b"\n".join([*files.values(), result.text.encode()])
    values = open_project("lab", [], None, Reporter(quiet=True)).vault.values
    for name, secret in values.items():
        raw = secret.reveal()
        if raw:
            for form in (raw.encode(), quote(raw, safe="").encode(), base64.b64encode(raw.encode())):
                assert form not in everything, name
    assert len(values) >= 10
    assert path.stat().st_mode & 0o777 == 0o600
    again = lab("doctor", "--bundle", str(path))
    assert again.code == 2
    assert "is there already" in again.err
