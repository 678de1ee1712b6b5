"""Backups that leave the data host: a real S3 server that checks signatures, and SFTP to another host."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.changing import edited_secrets
from tests.lab.command import ADDRESSES, lab, on_host, secret
from tests.lab.command import here as run_here

pytestmark = [pytest.mark.usefixtures("as_found"), pytest.mark.long]

SERVER, CONTAINER = "172.30.87.41", "helicone-lab-s3"
KEYS = ("backup_s3_access_key", "backup_s3_secret_key")
FOLDER = "/root/sets"


def saved_and_proven(repository: str) -> str:
    """Deploy with this repository, make a set there, drill it, and return its id."""
    result = lab("deploy", "--yes", "--set", f"backup.repository={repository}")
    assert result.code == 0, result.text
    made = lab("backup", "--json")
    assert made.code == 0, made.text
    drilled = lab("drill", "--json")
    assert drilled.code == 0, drilled.text
    assert drilled.data()["set"] == made.data()["set"]
    listed = {one["id"]: one["state"] for one in lab("backups", "--json").data()["sets"]}
    assert listed == {made.data()["set"]: "proven"}
    return str(made.data()["set"])


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[str]:
    """Run rclone as an S3 server in the lab's network with the keys of the vault; give the address of a bucket."""
    with edited_secrets(tmp_path, *KEYS):
        keys = ",".join(secret(name) for name in KEYS)
        words = ["docker", "run", "--detach", "--rm", "--name", CONTAINER, "--label", "helicone.lab", "--env"]
        words += [f'RCLONE_AUTH_KEY="{keys}"', "--network", "helicone-lab", "--ip", SERVER, "--entrypoint", "/bin/sh"]
        serve = "mkdir -p /data/sets && exec rclone serve s3 /data --addr :9000"
        subprocess.run([*words, "helicone-lab/object-store", "-c", serve], check=True, capture_output=True)
        try:
            yield f"s3:http://{SERVER}:9000/sets/lab"
        finally:
            subprocess.run(["docker", "rm", "--force", CONTAINER], check=True, capture_output=True)


def test_a_set_in_s3_is_read_back_and_proven(s3: str):
    saved_and_proven(s3)
    kept = run_here(f"docker exec {CONTAINER} find /data/sets/lab -type f").split()
    assert "/data/sets/lab/config" in kept
    assert any("/snapshots/" in name for name in kept)


@pytest.fixture
def login() -> Iterator[str]:
    """Let data1's root log in to app1, as the how-to says; give the address of a folder there."""
    key, name = "/root/.ssh/id_ed25519", f"backup-{secrets.token_hex(4)}"
    on_host("data1", f"mkdir -pm 700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -C {name} -f {key}")
    public = on_host("data1", f"cat {key}.pub").strip()
    on_host("app1", f"echo '{public}' >>/root/.ssh/authorized_keys")
    on_host("data1", f"ssh -o StrictHostKeyChecking=accept-new {ADDRESSES['app1']} true")
    yield f"sftp:root@{ADDRESSES['app1']}:{FOLDER}"
    on_host("app1", f"sed -i '/{name}/d' /root/.ssh/authorized_keys; rm -rf {FOLDER}")
    on_host("data1", f"rm -f {key} {key}.pub /root/.ssh/known_hosts")


def test_a_set_on_another_host_is_read_back_and_proven(login: str):
    started = time.time()
    saved_and_proven(login)
    assert float(on_host("app1", f"stat -c %Y {FOLDER}/config")) >= started - 1
