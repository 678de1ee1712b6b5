"""Records that Helicone has are kept when that is asked for, and come again once."""

from __future__ import annotations

import pytest

from gateway.recorder import backlog, kept
from gateway.recorder.delivery import Delivery
from gateway.recorder.schema import count, note, open_spool
from gateway.recorder.spool import Spool
from tests.unit.recorder.stand_ins import all_done, settings, take


@pytest.fixture
def other(tmp_path, spool):
    """Return a connection as another process has it."""
    connection = open_spool(tmp_path)
    note(connection, "spool_limit", "1000000")
    return connection


@pytest.fixture
def deliver(tmp_path, helicone, spool):
    running = Delivery(settings(tmp_path, helicone), spool)
    running.start()
    yield
    running.stop(2)


@pytest.mark.usefixtures("deliver")
def test_what_a_restore_took_away_comes_again_and_what_is_still_there_does_not(spool, helicone, seen, other):
    before = take(spool, 5)
    all_done(seen)
    kept.keep(other)
    ids = take(spool, 20)
    all_done(seen)
    gone = [row for row in helicone.rows if row[0] in ids[:12]]
    for row in gone:
        helicone.rows.remove(row)
    attempts = len(helicone.attempts)
    assert kept.again(other) == {"again": 20, "left_out": 0}
    assert count(seen, "waiting_bytes") > 0
    all_done(seen)
    assert sorted(helicone.ids) == sorted([*before, *ids])
    assert len(helicone.attempts) == attempts + 12
    assert count(seen, "waiting_bytes") == 0
    assert kept.again(other) == {"again": 0, "left_out": 0}


@pytest.mark.usefixtures("deliver")
def test_nothing_is_kept_unless_asked_and_nothing_longer_than_asked(spool, helicone, seen, other):
    take(spool, 3)
    all_done(seen)
    kept.keep(other)
    take(spool, 3)
    all_done(seen)
    kept.keep(other)  # another upgrade, after one that was cut off
    assert seen.execute("SELECT count(*) FROM kept").fetchone() == (3,)
    kept.let_go(other)
    take(spool, 3)
    all_done(seen)
    assert kept.again(other) == {"again": 0, "left_out": 0}


def test_no_more_is_kept_than_the_spool_may_hold_and_the_rest_is_counted(spool, seen, other):
    kept.keep(other)
    take(spool, 4)
    note(other, "spool_limit", str(count(seen, "waiting_bytes")))
    for one in backlog.waiting(seen, 0, [], 3):
        assert spool.change(lambda connection, seq=one.seq: backlog.finish(connection, [seq], 0)).wait(60)
    take(spool, 2)
    for one in backlog.waiting(seen, 0, [], 3):
        assert spool.change(lambda connection, seq=one.seq: backlog.finish(connection, [seq], 0)).wait(60)
    answer = kept.again(other)
    assert answer["again"] >= 3
    assert answer["left_out"] >= 1
    assert answer["again"] + answer["left_out"] == 6


def test_what_waits_takes_the_room_of_what_is_kept_and_both_share_one_bound(tmp_path):
    spool = Spool(settings(tmp_path, spool_bytes=50_000))
    seen = open_spool(tmp_path)
    note(seen, "spool_limit", "50000")
    kept.keep(seen)
    take(spool, 80)
    for one in backlog.waiting(seen, 0, [], 80):
        assert spool.change(lambda connection, seq=one.seq: backlog.finish(connection, [seq], 0)).wait(60)
    assert (count(seen, "waiting_bytes"), count(seen, "kept_bytes") > 25_000) == (0, True)
    already = count(seen, "kept_left_out")
    take(spool, 60)
    assert count(seen, "dropped_total") == 0
    assert count(seen, "waiting_bytes") + count(seen, "kept_bytes") <= 50_000
    answer = kept.again(seen)
    spool.close()
    assert answer["left_out"] > already
    assert answer["again"] + answer["left_out"] == 80
