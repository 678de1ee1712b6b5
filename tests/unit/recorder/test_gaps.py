"""Gaps, counted to the request: whoever stops, dies or comes late."""

from __future__ import annotations

import json
import random
import time
import uuid

import pytest

from gateway.recorder import gaps as module
from gateway.recorder.gaps import Gaps
from gateway.recorder.schema import count
from gateway.recorder.spool import Spool
from gateway.recorder.status import status
from tests.unit.recorder.stand_ins import record, settings, wait_until

GAP_AFTER = 0.2


@pytest.fixture
def path(tmp_path):
    return tmp_path / "access.log"


@pytest.fixture
def counting(tmp_path, path, spool):
    return lambda: Gaps(path, spool, tmp_path, GAP_AFTER)


@pytest.fixture
def clock(monkeypatch):
    """Let the time of the gaps be moved."""

    class Clock:
        now = 1_000_000.0

        def time(self):
            return self.now

    moved = Clock()
    monkeypatch.setattr(module, "time", moved)
    return moved


def passed(path, *ids, recorded="yes", flags="-"):
    lines = [
        {
            "id": identity, "recorded": recorded, "start": "1.5", "status": 200, "provider": "openai",
            "path": "/v1/x", "flags": flags,
        }
        for identity in ids
    ]  # fmt: skip
    with path.open("a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))


def new_ids(how_many):
    return [str(uuid.uuid4()) for _ in range(how_many)]


def take(spool, *ids):
    for identity in ids:
        spool.take(record(id=identity))
    assert spool.change(lambda _: None).wait(10)


def rounds(gaps, clock, seconds=1.0):
    while gaps.round():
        pass
    clock.now += seconds
    while gaps.round():
        pass


def test_what_the_rate_limit_refused_is_no_gap(path, spool, seen, counting, clock):
    gaps = counting()
    passed(path, *new_ids(3), flags="RL")
    rounds(gaps, clock)
    assert count(seen, "gaps_total") == 0


def test_what_was_taken_is_no_gap_before_or_after_its_line(path, spool, seen, counting, clock):
    first, second = new_ids(2)
    gaps = counting()
    take(spool, first)
    passed(path, first)
    gaps.round()
    passed(path, second)
    gaps.round()
    take(spool, second)
    rounds(gaps, clock)
    assert count(seen, "gaps_total") == 0
    assert seen.execute("SELECT count(*) FROM taken").fetchone() == (0,)
    assert seen.execute("SELECT count(*) FROM line").fetchone() == (0,)


def test_what_was_not_taken_is_a_gap_with_what_is_known(tmp_path, path, seen, counting, clock):
    (lost,) = new_ids(1)
    gaps = counting()
    passed(path, lost)
    passed(path, *new_ids(3), recorded="no")
    passed(path, None, recorded=None)
    rounds(gaps, clock, seconds=0.1)
    assert count(seen, "gaps_total") == 0
    rounds(gaps, clock)
    shown = status(tmp_path, tmp_path / "none")
    assert shown["gaps_total"] == 1
    assert shown["gaps_last"] == [
        {"id": lost, "started": "1.5", "status": 200, "provider": "openai", "path": "/v1/x"},
    ]


def test_the_count_is_exact_through_restarts_and_in_any_order(path, spool, seen, counting, clock):
    chance = random.Random(7)  # noqa: S311 - the same every time
    gaps, lost = counting(), 0
    for _ in range(30):
        ids = new_ids(20)
        kept = [identity for identity in ids if chance.random() < 0.8]
        lost += 20 - len(kept)
        early, late = kept[::2], kept[1::2]
        take(spool, *early)
        if chance.random() < 0.5:
            gaps.round()
        chance.shuffle(ids)
        passed(path, *ids)
        if chance.random() < 0.5:
            gaps.round()
        if chance.random() < 0.3:
            gaps = counting()  # the former one is gone without a word
        take(spool, *late)
        clock.now += 0.05
    rounds(gaps, clock)
    assert count(seen, "gaps_total") == lost
    assert seen.execute("SELECT count(*) FROM line").fetchone() == (0,)


def test_what_passed_while_nothing_ran_is_counted(path, spool, seen, counting, clock):
    before = new_ids(5)
    take(spool, *before)
    passed(path, *before)
    rounds(counting(), clock)
    passed(path, *new_ids(7))
    assert count(seen, "gaps_total") == 0
    rounds(counting(), clock)
    assert count(seen, "gaps_total") == 7


def test_a_record_that_comes_late_closes_its_gap(path, spool, seen, counting, clock):
    late, lost = new_ids(2)
    gaps = counting()
    passed(path, late, lost)
    rounds(gaps, clock)
    assert count(seen, "gaps_total") == 2
    take(spool, late)
    rounds(counting(), clock)
    assert count(seen, "gaps_total") == 1
    assert seen.execute("SELECT id FROM gap").fetchall() == [(lost,)]


def test_one_id_used_twice_and_taken_once_is_one_gap(path, spool, seen, counting, clock):
    (again,) = new_ids(1)
    gaps = counting()
    passed(path, again, again)
    take(spool, again)
    rounds(gaps, clock)
    assert count(seen, "gaps_total") == 1


def test_a_dropped_record_is_a_gap(tmp_path, path, seen, counting, clock):
    full = Spool(settings(tmp_path, spool_bytes=1))
    (lost,) = new_ids(1)
    take(full, lost)
    full.close()
    passed(path, lost)
    rounds(counting(), clock)
    assert (count(seen, "dropped_total"), count(seen, "gaps_total")) == (1, 1)


def test_lines_that_make_no_sense_are_counted(path, seen, counting, clock):
    path.write_text('{"id": "a"\n[]\n17\n{"recorded": "yes"}\n')
    rounds(counting(), clock)
    assert count(seen, "unreadable_lines_total") == 4
    assert count(seen, "gaps_total") == 0


def test_the_list_is_bounded_and_the_count_is_not(path, seen, counting, clock):
    passed(path, *new_ids(3_000))
    rounds(counting(), clock)
    assert count(seen, "gaps_total") == 3_000
    assert seen.execute("SELECT count(*) FROM gap").fetchone() == (1_000,)


def test_what_never_came_to_the_log_is_forgotten_after_an_hour(path, spool, seen, counting, clock):
    clock.now = time.time()
    gaps = counting()
    take(spool, *new_ids(10))
    rounds(gaps, clock, seconds=3_500)
    assert seen.execute("SELECT count(*) FROM taken").fetchone() != (0,)
    rounds(gaps, clock, seconds=200)
    assert seen.execute("SELECT count(*) FROM taken").fetchone() == (0,)
    assert gaps._taken == {}  # noqa: SLF001


def test_it_runs_by_itself_and_stops(path, seen, counting):
    gaps = counting()
    gaps.start()
    passed(path, *new_ids(2))
    wait_until(lambda: count(seen, "gaps_total") == 2)
    gaps.stop(2)
    passed(path, *new_ids(1))
    time.sleep(3 * GAP_AFTER)
    assert count(seen, "gaps_total") == 2
