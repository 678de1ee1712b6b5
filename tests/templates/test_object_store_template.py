"""The object store's own housekeeping: what goes with age, and what stays."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from gateway.verify.release_view import ComposeLoader

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = (ROOT / "templates/data/object-store.yml.j2").read_text()
DAY = 86_400


def service() -> dict[str, Any]:
    """Return the service without what only a rendering puts in."""
    text = "services:\n" + "".join(
        line for line in TEMPLATE.splitlines(keepends=True) if "{" not in line or "$" in line
    )
    found: dict[str, Any] = yaml.load(text, ComposeLoader)["services"]["object-store"]  # noqa: S506 - a safe loader
    return found


def script() -> str:
    """Return the container's script as a shell gets it, one round of its loop and no server."""
    (found,) = service()["command"]
    once = found.replace("$$", "$").replace("while sleep 3600; do", "for round in 1; do").replace(") &", ");")
    return once.replace("exec rclone serve s3 /data --addr :9000", "true")


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[HTTPConnection]:
    """Run the store as the container does, on a folder, open to all, and yield a connection to it."""
    settings = {name: value for name, value in service()["environment"].items() if name.startswith("RCLONE_NO")}
    rclone = Path(sys.executable).parent / "rclone"
    server = subprocess.Popen(
        [rclone, "serve", "s3", folder, "--addr", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True,
        env={"HOME": str(folder), **settings},
    )  # fmt: skip
    assert server.stderr is not None
    try:
        (port,) = next(found for line in server.stderr if (found := re.findall(r"http://127\.0\.0\.1:(\d+)/", line)))
        with contextlib.closing(HTTPConnection("127.0.0.1", int(port), timeout=60)) as connection:
            yield connection
    finally:
        server.terminate()
        server.wait(60)
        server.stderr.close()


def test_a_key_is_compared_by_its_bytes_and_with_no_other(tmp_path: Path) -> None:
    """Comparing normal forms also cost each new body a look at every other one."""
    (tmp_path / "bucket").mkdir()
    composed, decomposed = (f"/bucket/{quote(unicodedata.normalize(form, 'é'))}" for form in ("NFC", "NFD"))
    with serving(tmp_path) as store:
        seen = []
        for method, path in (("PUT", composed), ("GET", composed), ("GET", decomposed)):
            store.request(method, path, b"x" if method == "PUT" else None)
            answer = store.getresponse()
            answer.read()
            seen.append(answer.status)
    assert seen == [200, 200, 404]


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
    row = put(bucket / "organizations/o1/datasets/d1/requests/r1/request_response_body", 400)
    prompt = put(tmp_path / "prompts/organizations/o1/requests/p1/x", 400)
    names = {"BUCKET_REQUESTS": "requests-bucket", "BUCKET_PROMPTS": "prompts", "BUCKET_HQL": "hql"}

    done = subprocess.run(
        ["/bin/sh", "-c", script().replace("/data/", f"{tmp_path}/")], check=False, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "RETENTION_DAYS": days, **names},
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert old.exists() is not old_goes
    assert [young.exists(), other.exists(), row.exists(), prompt.exists(), (tmp_path / "hql").is_dir()] == [True] * 5
