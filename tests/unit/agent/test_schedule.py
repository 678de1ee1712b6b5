"""Scheduled backups: a timer where systemd runs, a line for cron elsewhere, both as the release says."""

from __future__ import annotations

import subprocess

import pytest

from gateway.agent import lease, schedule, scheduled
from gateway.agent.failure import StepFailed
from tests.unit.agent.backup_situations import host

PROJECT = "helicone-trial"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Let the machine's folders lie in `tmp_path`; what systemctl is asked is noted."""
    for name in ("systemd", "running"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(schedule, "SYSTEMD", tmp_path / "systemd")
    monkeypatch.setattr(schedule, "CRON", tmp_path / "cron.d")
    monkeypatch.setattr(schedule, "RUNNING_SYSTEMD", tmp_path / "no")
    archive = tmp_path / "memory"
    archive.write_bytes(b"zip")
    monkeypatch.setattr(schedule, "_archive", lambda: archive)
    asked = []
    monkeypatch.setattr(schedule, "_run", lambda *command: asked.append(command[1:]))
    return tmp_path, asked


def test_cron_gets_a_line_where_systemd_does_not_run(machine):
    place, asked = machine
    store = host(place)
    schedule.install(store, PROJECT)
    line = (place / "cron.d" / "helicone-trial-backup").read_text().splitlines()[-1]
    assert line == f"30 03 * * * root {store.state}/backup/run >/dev/null 2>&1"
    script = store.state / "backup" / "run"
    assert script.stat().st_mode & 0o777 == 0o700
    assert f'main("{store.root}")' in script.read_text()
    assert (store.state / "backup" / "agent.zip").read_bytes() == b"zip"
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    assert asked == []


def test_systemd_gets_a_timer(machine, monkeypatch):
    place, asked = machine
    monkeypatch.setattr(schedule, "RUNNING_SYSTEMD", place / "running")
    schedule.install(host(place, schedule="23:05"), PROJECT)
    assert "OnCalendar=*-*-* 23:05:00" in (place / "systemd" / "helicone-trial-backup.timer").read_text()
    assert asked == [("daemon-reload",), ("enable", "--now", "helicone-trial-backup.timer")]
    assert schedule.look(PROJECT) == "systemd"
    assert not (place / "cron.d").exists()
    schedule.remove(PROJECT)
    assert list((place / "systemd").iterdir()) == []


@pytest.mark.parametrize("changes", [{"schedule": ""}, {"enabled": False}, {"services": ("jawn",)}])
def test_a_release_without_a_schedule_takes_it_away(machine, changes):
    place, _ = machine
    schedule.install(host(place), PROJECT)
    schedule.install(host(place / "later", **changes), PROJECT)
    assert schedule.look(PROJECT) == ""


def test_a_host_that_starts_nothing_says_so(machine, monkeypatch):
    place, _ = machine
    schedule.install(host(place), PROJECT)
    monkeypatch.setattr(schedule.programs, "find", lambda name, path: None)
    assert schedule.look(PROJECT) == "nothing"


def test_a_schedule_that_cannot_be_written_is_told_and_no_failure(machine, monkeypatch):
    place, _ = machine
    told = []
    monkeypatch.setattr(schedule, "CRON", place / "memory" / "no-folder")
    schedule.renew(host(place), PROJECT, lambda **event: told.append(event["text"]))
    assert "could not be set up" in told[0]


@pytest.fixture
def work(monkeypatch):
    """Note what a scheduled run does."""
    done = []
    monkeypatch.setattr(scheduled, "take", lambda store, by, emit: done.append(("backup", by)))
    monkeypatch.setattr(scheduled, "drill", lambda store, wanted, by, emit: done.append(("drill", by)))
    return done


def test_a_run_holds_the_lease_and_drills_when_one_is_due(tmp_path, work, monkeypatch):
    store = host(tmp_path)
    holder = []
    monkeypatch.setattr(scheduled, "take", lambda store, by, emit: holder.append(lease.show(store)))
    scheduled.main(str(store.root))
    assert holder[0]["owner"].startswith("schedule@")
    assert holder[0]["working"]
    assert work == [("drill", "schedule")]


@pytest.mark.parametrize(("days", "age_days", "drills"), [(7, 3, False), (7, 7, True), (0, 400, False)])
def test_a_drill_is_due_by_the_age_of_the_last_good_one(tmp_path, work, monkeypatch, days, age_days, drills):
    monkeypatch.setattr(scheduled.backup_log, "summary", lambda _: {"drill": {"age": age_days * 86_400.0}})
    scheduled.main(str(host(tmp_path, drill_every_days=days).root))
    assert (("drill", "schedule") in work) is drills


def test_a_deploy_that_is_at_work_is_waited_for_and_then_told(tmp_path, work, monkeypatch):
    store = host(tmp_path)
    clock = {"now": 0.0}
    monkeypatch.setattr(scheduled.time, "time", lambda: clock["now"])
    monkeypatch.setattr(scheduled.time, "sleep", lambda seconds: clock.update(now=clock["now"] + seconds))

    def locked(*_):
        raise StepFailed("lease", "ann@desk is running `deploy`", kind="locked")

    monkeypatch.setattr(scheduled.lease, "take", locked)
    with pytest.raises(SystemExit):
        scheduled.main(str(store.root))
    assert work == []
    assert store.lines("backups")[-1]["cause"] == "ann@desk is running `deploy`"
    assert clock["now"] > 7200
