"""What status says, from another process and when nothing serves."""

from __future__ import annotations

import time

from gateway.recorder import backlog, heartbeat
from gateway.recorder.schema import add
from gateway.recorder.spool import Spool
from gateway.recorder.status import remember, status
from tests.unit.recorder.stand_ins import record, settings


def test_a_new_spool_is_empty(tmp_path):
    said = status(tmp_path / "new", tmp_path / "heartbeat")
    assert said["waiting"] == said["done_total"] == said["gaps_total"] == 0
    assert said["oldest_seconds"] == 0
    assert said["leader"] is False
    assert said["last_error"] is None


def test_what_is_in_the_spool_when_nothing_serves(tmp_path):
    spool = Spool(settings(tmp_path))
    for _ in range(4):
        spool.take(record(omitted="too large"))
        spool.change(lambda _: None).wait(60)
    spool.change(lambda connection: backlog.mark_sent(connection, [1, 2]))
    spool.change(lambda connection: backlog.finish(connection, [1], 1))
    spool.change(lambda connection: backlog.refuse(connection, [3], "because", 1 << 20))
    spool.change(lambda connection: add(connection, "dropped_total", 3))
    spool.change(lambda connection: remember(connection, 12345, (1.5, "jawn is away")))
    spool.close()
    time.sleep(0.2)
    said = status(tmp_path, tmp_path / "heartbeat")
    assert said["waiting"] == 2
    assert said["waiting_bytes"] > 200
    assert said["oldest_seconds"] >= 0.2
    assert said["delivered_unconfirmed"] == 1
    assert said["done_total"] == 1
    assert said["delivered_per_second"] == round(1 / 60, 2)
    assert said["refused_total"] == 1
    assert said["dropped_total"] == 3
    assert said["omitted_total"] == 5
    assert said["spool_limit"] == 12345
    assert said["spool_bytes"] > 4096
    assert (said["last_error"], said["last_error_at"]) == ("jawn is away", 1.5)


def test_it_leads_only_while_it_lives(tmp_path):
    beat = tmp_path / "heartbeat"
    heartbeat.write(beat, leaving=False, leader=True, commit_age=0)
    assert status(tmp_path, beat)["leader"] is True
    beat.unlink()
    assert status(tmp_path, beat)["leader"] is False
