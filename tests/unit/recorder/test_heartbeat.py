"""Whether the serving process is healthy."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from gateway.recorder import heartbeat

WELL = {"leaving": False, "leader": False, "commit_age": 1.0}


def test_a_process_that_is_well(tmp_path):
    heartbeat.write(tmp_path / "beat", **WELL)
    assert heartbeat.trouble(tmp_path / "beat") == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [({"leaving": True}, "about to end"), ({"commit_age": 16.0}, "last written 16.0 s ago")],
)
def test_what_is_wrong_is_said(tmp_path, change, said):
    heartbeat.write(tmp_path / "beat", **{**WELL, **change})
    assert said in heartbeat.trouble(tmp_path / "beat")


def test_a_process_that_stopped_to_write(tmp_path):
    heartbeat.write(tmp_path / "beat", **WELL)
    beat = json.loads((tmp_path / "beat").read_text())
    (tmp_path / "beat").write_text(json.dumps({**beat, "uptime": beat["uptime"] - 6}))
    assert "stands still" in heartbeat.trouble(tmp_path / "beat")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"uptime": "x"}'])
def test_a_file_that_makes_no_sense(tmp_path, text):
    (tmp_path / "beat").write_text(text)
    assert heartbeat.trouble(tmp_path / "beat")


def test_a_process_whose_network_is_gone_is_ended(tmp_path):
    beat = tmp_path / "beat"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as serving:
        heartbeat.write(beat, leaving=False, leader=True, commit_age=0)
        written = json.loads(beat.read_text())
        beat.write_text(json.dumps({**written, "process": serving.pid}))
        assert heartbeat.end_without_network(beat, "lo") == ""
        assert heartbeat.end_without_network(beat, "") == ""
        assert serving.poll() is None
        assert "gone" in heartbeat.end_without_network(beat, "nosuch0")
        assert serving.wait(60) == -signal.SIGKILL
