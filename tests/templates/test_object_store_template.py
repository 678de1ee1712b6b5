"""The object store's own housekeeping: what goes with age, and what stays."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from gateway.verify.release_view import ComposeLoader

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = (ROOT / "templates/data/object-store.yml.j2").read_text()
DAY = 86_400


def script() -> str:
    """Return the container's script as a shell gets it, one round of its loop and no server."""
    text = "services:\n" + "".join(
        line for line in TEMPLATE.splitlines(keepends=True) if "{" not in line or "$" in line
    )
    (found,) = yaml.load(text, ComposeLoader)["services"]["object-store"]["command"]  # noqa: S506 - a safe loader
    once = found.replace("$$", "$").replace("while sleep 3600; do", "for round in 1; do").replace(") &", ");")
    return once.replace("exec rclone serve s3 /data --addr :9000", "true")


def put(path: Path, days: float) -> Path:
    """Make a file that was written so many days ago, its folder as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    for one in (path, path.parent):
        os.utime(one, (time.time() - days * DAY,) * 2)
    return path


@pytest.mark.parametrize(("days", "old_goes"), [("30", True), ("0", False)])
def test_only_bodies_of_requests_that_are_old_enough_go(tmp_path: Path, days: str, old_goes: bool) -> None:
    bucket = tmp_path / "requests-bucket"
    old = put(bucket / "organizations/o1/requests/r1/raw_request_response_body", 31)
    young = put(bucket / "organizations/o1/requests/r2/raw_request_response_body", 29)
    other = put(bucket / "organizations/o1/datasets/d1/data", 400)
    prompt = put(tmp_path / "prompts/organizations/o1/requests/p1/x", 400)
    names = {"BUCKET_REQUESTS": "requests-bucket", "BUCKET_PROMPTS": "prompts", "BUCKET_HQL": "hql"}

    done = subprocess.run(
        ["/bin/sh", "-c", script().replace("/data/", f"{tmp_path}/")], check=False, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "RETENTION_DAYS": days, **names},
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert old.exists() is not old_goes
    assert [young.exists(), other.exists(), prompt.exists(), (tmp_path / "hql").is_dir()] == [True] * 4
