"""The recorder as a process: killed, replaced, asked. jawn and ClickHouse are stand-ins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.recorder.schema import count
from tests.unit.recorder.mirrored import Envoy, new_ids
from tests.unit.recorder.stand_ins import all_done, take, wait_until

GATEWAY = Path(__file__).parents[3] / "gateway"


class Recorders:
    """Recorder processes on one folder, one mirror and one access log; each has its own heartbeat."""

    def __init__(self, folder, helicone):
        jawn, clickhouse = helicone.addresses
        self.folder = folder
        self.running = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "RECORDER_FOLDER": str(folder),
            "RECORDER_MIRROR": str(folder / "mirror"),
            "RECORDER_ACCESS_LOG": str(folder / "access.log"),
            "RECORDER_JAWN": jawn,
            "CLICKHOUSE_URL": clickhouse,
            "CLICKHOUSE_PASSWORD": "made-up",
            "RECORDER_DISK_FREE_BYTES": "1",
            "RECORDER_LOOK_SECONDS": "0.05",
            "RECORDER_CONFIRM_SECONDS": "1",
            "RECORDER_UNSURE_SECONDS": "0.5",
            "RECORDER_RETRY_SECONDS": "0.2",
        }

    def of(self, name):
        return {**self.environment, "RECORDER_HEARTBEAT": str(self.folder / f"beat-{name}")}

    def start(self, name):
        process = subprocess.Popen(
            [sys.executable, "-m", "recorder"],
            cwd=GATEWAY,
            env=self.of(name),
            stdout=(self.folder / f"{name}.log").open("w"),
            stderr=subprocess.STDOUT,
        )
        self.running.append(process)
        wait_until(lambda: process.poll() is not None or self.ask("healthy", name).returncode == 0)
        assert process.poll() is None, self.said(name)
        return process

    def ask(self, what, name):
        return subprocess.run(
            [sys.executable, "-m", "recorder", what],
            cwd=GATEWAY,
            env=self.of(name),
            capture_output=True,
            text=True,
            check=False,
        )

    def status(self, name):
        return json.loads(self.ask("status", name).stdout)

    def said(self, name):
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture
def recorders(tmp_path, helicone):
    made = Recorders(tmp_path, helicone)
    yield made
    for process in made.running:
        process.kill()
        process.wait()


def test_killed_while_it_delivers_nothing_is_lost_and_nothing_doubled(helicone, recorders, spool, seen):
    ids = take(spool, 200)
    first = recorders.start("first")
    helicone.before_answer = lambda: first.kill() if len(helicone.rows) > 50 else None
    ids += take(spool, 200)
    first.wait(60)
    helicone.before_answer = lambda: None
    assert count(seen, "waiting") > 0
    recorders.start("second")
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)
    assert count(seen, "done_total") == 400


def test_killed_before_it_delivers_nothing_is_lost(helicone, recorders, spool, seen):
    helicone.answer = 503
    ids = take(spool, 50)
    first = recorders.start("first")
    wait_until(lambda: helicone.attempts)
    first.kill()
    first.wait()
    helicone.answer = 200
    recorders.start("second")
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)


def test_a_successor_takes_over_and_the_old_one_ends(helicone, recorders, spool, seen):
    first = recorders.start("first")
    recorders.start("second")
    wait_until(lambda: recorders.status("first")["leader"])
    assert not recorders.status("second")["leader"]
    helicone.delay = 0.02
    ids = take(spool, 600)
    wait_until(lambda: len(helicone.ids) > 50)
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    assert not recorders.status("first")["leader"]
    wait_until(lambda: recorders.status("second")["leader"])
    ids += take(spool, 50)
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)
    assert recorders.ask("healthy", "first").returncode == 1
    wait_until(lambda: recorders.ask("healthy", "second").returncode == 0)


def test_what_passes_while_recorders_come_and_go_is_taken_once(helicone, recorders, seen):
    envoy = Envoy(recorders.folder / "mirror", recorders.folder / "access.log")
    ids = []

    def passed():
        ids.extend(new_ids(40))
        envoy.passed(*ids[-40:])

    first = recorders.start("first")
    passed()
    wait_until(lambda: count(seen, "taken_total"))
    passed()
    first.kill()
    first.wait()
    passed()
    second = recorders.start("second")
    recorders.start("third")
    passed()
    second.send_signal(signal.SIGTERM)
    passed()
    assert second.wait(60) == 0
    passed()
    wait_until(lambda: count(seen, "taken_total") == len(ids))
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)
    assert recorders.status("third")["gaps_total"] == 0
    assert list(envoy.folder.iterdir()) == []


def test_it_is_healthy_without_jawn_and_clickhouse_and_says_no_secret(helicone, recorders, spool):
    helicone.close()
    take(spool, 20)
    recorders.start("first")
    wait_until(lambda: recorders.status("first")["last_error"])
    wait_until(lambda: recorders.ask("healthy", "first").returncode == 0)
    assert recorders.status("first")["waiting"] == 20
    assert "sk-helicone" not in recorders.said("first")
    assert "made-up" not in recorders.said("first")


def test_a_setting_that_is_missing_ends_it_with_its_name(recorders):
    del recorders.environment["RECORDER_JAWN"]
    ended = subprocess.run(
        [sys.executable, "-m", "recorder"],
        cwd=GATEWAY,
        env=recorders.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "RECORDER_JAWN" in ended.stdout


def test_status_and_healthy_of_nothing(recorders):
    assert recorders.status("none")["waiting"] == 0
    assert recorders.ask("healthy", "none").returncode == 1
    assert recorders.ask("nonsense", "none").returncode == 2


def test_what_helicone_has_is_kept_and_comes_again_at_a_word(recorders, spool, seen, helicone):
    recorders.start("first")
    assert json.loads(recorders.ask("keep", "first").stdout) == {}
    ids = take(spool, 5)
    all_done(seen)
    helicone.rows.clear()
    assert json.loads(recorders.ask("again", "first").stdout) == {"again": 5, "left_out": 0}
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)
    assert json.loads(recorders.ask("let-go", "first").stdout) == {}
