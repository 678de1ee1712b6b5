"""No secret shows anywhere: a sentinel in every slot, looked for in all that is printed and all that runs."""

from __future__ import annotations

import base64
import subprocess
import time
from urllib.parse import quote

import pytest

from gateway.commands.project import open_project
from gateway.console import Reporter
from tests.lab.command import ADDRESSES, invoke, lab, on_host
from tests.lab.processes import command_lines


@pytest.fixture(scope="module")
def sentinels(deployed: None) -> list[str]:
    """Return every secret of the lab in every form that it could leak in."""
    values = [secret.reveal() for secret in open_project("lab", [], None, Reporter(quiet=True)).vault.values.values()]
    return sorted({
        form for value in values if value
        for form in (value, quote(value), base64.b64encode(value.encode()).decode())
    })  # fmt: skip


def found(text: str, sentinels: list[str]) -> list[int]:
    """Return which secrets a text shows, by number, so that a failure does not show them again."""
    return [number for number, value in enumerate(sentinels) if value in text]


def test_no_command_shows_a_secret(sentinels, tmp_path):
    for words in (
        ("plan",), ("plan", "--json"), ("plan", "--set", "jawn.memory=600m"), ("verify", "--json"),
        ("status", "--json"),
        ("history", "--json"), ("unlock", "--json"), ("inventory", "--json"), ("inventory", "--explain", "secrets"),
        ("deploy", "--yes", "--json"), ("verify", "--junit", str(tmp_path / "junit.xml")),
        ("plan", "--debug", "--set", "upstream.ref=nothing"), ("deploy", "--yes", "--set", "jawn.memory=nothing"),
        ("deploy", "--yes", "--report", str(tmp_path / "deploy.html")),
        ("status", "--report", str(tmp_path / "fleet.html")),
    ):  # fmt: skip
        result = lab(*words)
        assert not found(result.text, sentinels), words
    for name in ("junit.xml", "deploy.html", "fleet.html"):
        assert not found((tmp_path / name).read_text(), sentinels), name
    assert not found(invoke("render", "--env", "lab", "--out", str(tmp_path / "out")).text, sentinels)
    secret_files = [
        path for path in (tmp_path / "out").rglob("*") if path.is_file() and found(path.read_text(), sentinels)
    ]
    assert {path.name for path in secret_files} == {".env"}
    assert {path.stat().st_mode & 0o777 for path in secret_files} == {0o600}


def test_no_process_and_no_report_shows_a_secret_while_a_deploy_runs(sentinels, as_found, tmp_path):
    page = tmp_path / "deploy.html"
    with command_lines() as seen:
        mark = f"jawn.environment.LAB_MARK=argv-{time.monotonic_ns()}"
        result = lab("deploy", "--yes", "--set", mark, "--report", str(page))
    assert result.code == 0, result.text
    assert not found(result.text, sentinels)
    assert "recreate jawn" in page.read_text()
    assert not found(page.read_text(), sentinels)
    assert any("from agent." in line for line in seen), "the watcher did not see the agent"
    assert not [number for line in seen for number in found(line, sentinels)]


@pytest.mark.long
def test_what_the_hosts_keep_shows_no_secret_outside_of_env_files(sentinels):
    # The second is what the backups' repository was last opened with, for the day when the password is another.
    known = r"\( -name .env -o -path '*/state/backup/password' \)"
    for host in ADDRESSES:
        for file in on_host(host, f"find /opt/helicone -type f ! {known}").split():
            assert not found(on_host(host, f"tr -c '[:print:]' '[\\n*]' <{file}"), sentinels), (host, file)
        assert on_host(host, f"find /opt/helicone {known} ! -perm 600") == ""
        log = subprocess.run(["docker", "logs", f"helicone-lab-{host}"], capture_output=True, text=True, check=True)
        assert not found(log.stdout + log.stderr, sentinels), host
