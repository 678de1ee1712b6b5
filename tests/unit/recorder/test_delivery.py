"""Delivery through outages and lost answers, with real HTTP and a real spool: every record exactly once."""

from __future__ import annotations

import dataclasses
import time
import uuid

import pytest

from gateway.recorder import backlog
from gateway.recorder.delivery import Delivery
from gateway.recorder.schema import count
from tests.unit.recorder.stand_ins import KEY, PACE, Helicone, all_done, record, settings, take, wait_until

OTHER_KEY = "Bearer sk-helicone-zzzzzzz-zzzzzzz-zzzzzzz-zzzzzzz"


@pytest.fixture
def deliver(tmp_path, helicone, spool):
    running = []

    def start(**pace):
        running.append(Delivery(settings(tmp_path, helicone, dataclasses.replace(PACE, **pace)), spool))
        running[-1].start()
        return running[-1]

    yield start
    for delivery in running:
        delivery.stop(60)


def test_everything_arrives_once_under_its_clients_key(spool, helicone, deliver, seen):
    helicone.answer = lambda key, _: 200 if key == KEY else 401
    ids = take(spool, 300)
    deliver()
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)
    assert count(seen, "done_total") == 300
    assert seen.execute("SELECT count(*) FROM sent").fetchone() == (0,)


def test_a_request_tried_again_under_one_id_is_two_rows(spool, helicone, deliver, seen):
    identity = str(uuid.uuid4())
    take(spool, 1, id=identity, started=1_700_000_000.0)
    take(spool, 1, id=identity, started=1_700_000_001.0)
    deliver()
    all_done(seen)
    assert sorted(helicone.rows) == [(identity, 1_700_000_000_000), (identity, 1_700_000_001_000)]


def test_tries_under_one_id_keep_their_own_bodies(spool, helicone, deliver, seen):
    """Helicone stores both under the id, so whichever came second would be read for both."""
    helicone.delay = 0.01
    for number in range(1, 51):
        identity = str(uuid.uuid4())
        for started in (1_700_000_000 + number, 1_700_001_000 + number):
            spool.take(record(id=identity, started=float(started), response_body=b'{"tried": %d}' % started))
    deliver()
    wait_until(lambda: count(seen, "taken_total") == 100)
    all_done(seen)
    tried = [trace["providerResponse"]["json"]["tried"] for trace in helicone.traces]
    assert [started // 1000 for _, started in helicone.rows] == tried
    assert len(set(tried)) == 100


def test_an_answer_of_200_is_no_proof(spool, helicone, deliver, seen):
    helicone.loses = True
    ids = take(spool, 30)
    deliver()
    wait_until(lambda: len(helicone.attempts) >= 30)
    assert count(seen, "done_total") == 0
    helicone.loses = False
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)


def test_a_lost_answer_sends_nothing_twice(spool, helicone, deliver, seen):
    helicone.hangs_up = True
    ids = take(spool, 30)
    deliver()
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)
    assert len(helicone.attempts) == 30


def test_an_answer_that_is_late_sends_nothing_twice(spool, helicone, deliver, seen):
    helicone.delay = 0.5
    ids = take(spool, 8)
    deliver(answer_within=0.3, unsure_wait=3)
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)


@pytest.mark.parametrize("status", [500, 503, 429, 404])
def test_errors_of_jawn_are_waited_out(spool, helicone, deliver, seen, status):
    helicone.answer = status
    ids = take(spool, 40)
    deliver()
    wait_until(lambda: len(helicone.attempts) >= 12)
    helicone.answer = 200
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)


def test_a_jawn_that_is_away_is_waited_for(spool, helicone, deliver, seen):
    ports = [server.server_port for server in helicone.servers]
    deliver()
    helicone.close()
    ids = take(spool, 40)
    wait_until(lambda: count(seen, "waiting") == 40)
    back = Helicone(ports)
    try:
        all_done(seen)
        assert sorted(helicone.ids + back.ids) == sorted(ids)
    finally:
        back.close()


def test_while_clickhouse_is_down_jawn_is_left_alone(spool, helicone, deliver, seen):
    helicone.clickhouse_down = helicone.loses = True
    first = take(spool, 5)
    deliver()
    wait_until(lambda: helicone.looks >= 1)
    wait_until(lambda: helicone.attempts)
    later = take(spool, 200)
    wait_until(lambda: helicone.looks >= 2)
    assert len(helicone.attempts) <= 5
    helicone.clickhouse_down = helicone.loses = False
    all_done(seen)
    assert sorted(helicone.ids) == sorted(first + later)


def test_a_lasting_outage_is_probed_not_flooded(spool, helicone, deliver, seen):
    helicone.answer = 500
    ids = take(spool, 400)
    began = time.monotonic()
    deliver(probe_every=0.2)
    wait_until(lambda: len(helicone.attempts) >= 12)
    before = len(helicone.attempts)
    wait_until(lambda: len(helicone.attempts) > before + 2)
    attempts = len(helicone.attempts)
    assert attempts < 30 + (time.monotonic() - began) / 0.2
    helicone.answer = 200
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)


def test_a_key_refused_for_a_while_loses_nothing(spool, helicone, deliver, seen):
    helicone.answer = lambda key, _: 200 if key == KEY else 401
    held = take(spool, 60, key=OTHER_KEY)
    good = take(spool, 60)
    began = time.monotonic()
    deliver(refuse_after=0, gone_after=0)
    wait_until(lambda: len(helicone.ids) == 60)
    wait_until(lambda: [identity for identity in helicone.attempts if identity in held][8:])
    assert sorted(helicone.ids) == sorted(good)
    attempts = len(helicone.attempts)
    assert attempts < 85 + (time.monotonic() - began) / PACE.probe_every
    helicone.answer = 200
    all_done(seen)
    assert sorted(helicone.ids) == sorted(good + held)
    assert count(seen, "refused_total") == 0
    wait_until(lambda: seen.execute("SELECT count(*) FROM held").fetchone() == (0,))


def test_a_key_that_was_held_before_for_a_year_loses_nothing(spool, helicone, deliver, seen):
    assert spool.change(lambda connection: connection.execute("INSERT INTO held VALUES (?, 1.0)", (KEY,))).wait(60)
    helicone.answer = 401
    ids = take(spool, 3)
    deliver(refuse_after=0, gone_after=0)
    wait_until(lambda: len(helicone.attempts) > 3)
    helicone.answer = 200
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)
    assert count(seen, "refused_total") == 0


def test_the_records_of_a_revoked_key_are_given_up_and_kept(spool, helicone, deliver, seen, capsys):
    helicone.answer = lambda key, _: 200 if key == KEY else (401, b'{"error":"No API key found"}')
    held = take(spool, 20, key=OTHER_KEY)
    take(spool, 5)
    deliver()
    all_done(seen)
    assert count(seen, "refused_total") == 20
    kept = [identity for (identity,) in seen.execute("SELECT id FROM refused")]
    assert sorted(kept) == sorted(held)
    out = capsys.readouterr().out
    assert "given up" in out
    assert "sk-helicone" not in out


def test_a_record_that_was_given_up_meanwhile_does_not_count_as_sent(spool, seen):
    """The feeder takes a key's next probe while the records of that key are being given up."""
    take(spool, 1)
    (waiting,) = backlog.waiting(seen, 0, [], 1)
    for change in (
        lambda connection: backlog.refuse(connection, [waiting.seq], "jawn refused the key", 1 << 20),
        lambda connection: backlog.mark_sent(connection, [waiting.seq]),
    ):
        assert spool.change(change).wait(60)
    assert seen.execute("SELECT count(*) FROM sent").fetchone() == (0,)


def test_a_record_that_jawn_calls_wrong_is_given_up_alone(spool, helicone, deliver, seen):
    helicone.answer = lambda _, trace: 422 if trace["providerRequest"]["json"].get("bad") else 200
    (bad,) = take(spool, 1, request_body=b'{"bad": true}')
    good = take(spool, 20)
    deliver()
    all_done(seen)
    assert sorted(helicone.ids) == sorted(good)
    assert seen.execute("SELECT id FROM refused").fetchall() == [(bad,)]


def test_an_id_that_helicone_would_replace_is_never_sent(spool, helicone, deliver, seen):
    take(spool, 1, id="not-a-uuid")
    deliver()
    all_done(seen)
    assert helicone.attempts == []
    assert count(seen, "refused_total") == 1


def test_the_dead_letters_are_bounded(tmp_path, spool, helicone, seen):
    take(spool, 20, id="not-a-uuid", request_body=b"x" * 1_000)
    delivery = Delivery(settings(tmp_path, helicone, refused_bytes=5_000), spool)
    delivery.start()
    all_done(seen)
    delivery.stop(60)
    assert count(seen, "refused_total") == 20
    assert 1 <= seen.execute("SELECT count(*) FROM refused").fetchone()[0] <= 4


def test_a_successor_looks_before_it_sends(spool, helicone, deliver, seen):
    helicone.clickhouse_down = True
    ids = take(spool, 20)
    first = deliver()
    wait_until(lambda: len(helicone.attempts) >= 1)
    first.stop(60)
    helicone.clickhouse_down = False
    deliver()
    all_done(seen)
    assert sorted(helicone.ids) == sorted(ids)


def test_of_two_addresses_the_one_that_works_is_used(tmp_path, spool, helicone, seen):
    told = dataclasses.replace(settings(tmp_path, helicone), jawn=("http://127.0.0.1:1", helicone.addresses[0]))
    ids = take(spool, 40)
    delivery = Delivery(told, spool)
    delivery.start()
    all_done(seen)
    delivery.stop(60)
    assert sorted(helicone.ids) == sorted(ids)
    assert "127.0.0.1:1 cannot be reached" in delivery.last_error[1]


def test_a_backlog_and_what_is_fresh_both_move(spool, helicone, deliver, seen):
    old = take(spool, 500)
    deliver(window=100)
    wait_until(lambda: len(helicone.ids) > 100)
    fresh = take(spool, 50)
    all_done(seen)
    assert sorted(helicone.ids) == sorted(old + fresh)
    assert set(helicone.ids[:100]) <= set(old)
