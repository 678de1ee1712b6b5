"""What delivery does next, by a clock of the test's."""

from __future__ import annotations

import time

import pytest

from gateway.recorder.backlog import Waiting
from gateway.recorder.flow import Flow
from gateway.recorder.jawn import Attempt, Fate
from gateway.recorder.parcel import NOTHING
from gateway.recorder.settings import Pace

PACE = Pace(window=20, workers=1)


@pytest.fixture
def flow(clock):
    return Flow(PACE, clock)


def waiting(*seqs, key="good", sent=False, size=10):
    return [Waiting(seq, f"id-{seq}", seq, size, key, sent) for seq in seqs]


def pick(flow):
    """Return the parcel that a sender would get now, without waiting for one."""
    return flow._pick()  # noqa: SLF001


def drain(flow, fate, most=1000):
    """Send everything that may go now to one fate, and return what went."""
    went = []
    while len(went) < most and (parcel := pick(flow)) is not None:
        flow.settle(parcel, Attempt(fate, "because"))
        went.append(parcel)
    return went


def test_oldest_first_and_no_more_than_the_window(flow):
    assert flow.room() == 20
    flow.add(waiting(*range(1, 21)))
    assert flow.room() == 0
    assert [parcel.seq for parcel in drain(flow, Fate.GIVEN)] == list(range(1, 21))


def test_a_given_record_is_looked_for_until_its_time_is_over(flow, clock):
    flow.add(waiting(1))
    drain(flow, Fate.GIVEN)
    looks = []
    while pick(flow) is None:
        assert clock.now < 1_100
        clock.now += 0.5
        if due := flow.due_looks(10):
            looks.append(clock.now - 1_000)
            flow.absent(due)
    assert looks[0] == 1.5
    assert looks[-1] == 30
    assert len(looks) < 8


def test_after_an_unsure_attempt_it_is_looked_for_before_it_is_sent_again(flow, clock):
    flow.add(waiting(1))
    drain(flow, Fate.UNSURE)
    clock.now += 4.9
    assert flow.due_looks(10) == []
    assert pick(flow) is None
    clock.now += 0.1
    (due,) = flow.due_looks(10)
    flow.absent([due])
    clock.now += 1
    assert pick(flow) is due


def test_what_an_earlier_process_may_have_sent_is_looked_for_first(flow, clock):
    flow.add(waiting(1, sent=True))
    assert pick(flow) is None
    clock.now += 5
    flow.absent(flow.due_looks(10))
    assert pick(flow).seq == 1


def test_nothing_is_sent_while_clickhouse_is_down_and_its_time_does_not_count(flow, clock):
    flow.add(waiting(1, 2))
    first = pick(flow)
    flow.settle(first, Attempt(Fate.GIVEN))
    clock.now += 2
    flow.unavailable(flow.due_looks(10), "down")
    assert pick(flow) is None
    assert flow.room() == 0
    clock.now += 100
    flow.available()
    assert pick(flow).seq == 2
    flow.absent(flow.due_looks(10))
    clock.now += 29
    flow.absent(flow.due_looks(10))
    assert pick(flow) is None
    clock.now += 1
    flow.absent(flow.due_looks(10))
    clock.now += 1
    assert pick(flow) is first


def test_retries_wait_longer_and_longer_up_to_the_most(flow, clock):
    flow.add(waiting(1))
    pauses = []
    for _ in range(10):
        before = clock.now
        while not drain(flow, Fate.NOT_GIVEN):
            clock.now += 0.25
        pauses.append(clock.now - before)
    assert pauses[1] <= 1
    assert 15 <= pauses[-1] <= 30.25


def test_in_an_outage_single_records_probe_and_the_first_one_written_opens_the_way(flow, clock):
    flow.add(waiting(*range(1, 21)))
    assert len(drain(flow, Fate.NOT_GIVEN)) == 10
    went = 0
    for _ in range(100):
        clock.now += 0.1
        went += len(drain(flow, Fate.NOT_GIVEN))
    assert went == 5
    clock.now += 2
    (probe,) = drain(flow, Fate.GIVEN)
    clock.now += 1.5
    flow.found(flow.due_looks(10))
    assert len(drain(flow, Fate.GIVEN)) == 19
    assert probe.given


def test_one_record_that_always_fails_stops_nothing_and_is_given_up_in_the_end(clock):
    flow = Flow(Pace(refuse_after=100), clock)
    flow.add(waiting(1))
    refused = []
    for seq in range(2, 400):
        clock.now += 1
        flow.add(waiting(seq))
        while (parcel := pick(flow)) is not None:
            flow.settle(parcel, Attempt(Fate.UNSURE if parcel.seq == 1 else Fate.GIVEN, "500"))
        due = flow.due_looks(100)
        good = [parcel for parcel in due if parcel.seq != 1]
        if good:
            flow.found(good)
        refused += flow.absent([parcel for parcel in due if parcel.seq == 1]).refused
        assert flow.room() > 3_000
    assert [parcel.seq for parcel in refused] == [1]


def test_an_outage_longer_than_patience_is_no_records_fault(clock):
    flow = Flow(Pace(refuse_after=100), clock)
    flow.add(waiting(*range(1, 21)))
    for _ in range(5_000):
        clock.now += 1
        while (parcel := pick(flow)) is not None:
            assert not flow.settle(parcel, Attempt(Fate.UNSURE, "500")).refused
        assert not flow.absent(flow.due_looks(100)).refused
    flow.add([Waiting(99, "id-99", 99, 1, "good", sent=False)])
    written = set()
    for _ in range(200):
        clock.now += 1
        while (parcel := pick(flow)) is not None:
            flow.settle(parcel, Attempt(Fate.GIVEN))
        due = flow.due_looks(100)
        given = [parcel for parcel in due if parcel.given]
        assert not flow.absent([parcel for parcel in due if not parcel.given]).refused
        if given:
            flow.found(given)
        written |= {parcel.seq for parcel in given}
    assert written == {*range(1, 21), 99}


def test_a_record_that_jawn_calls_wrong_is_given_up_after_some_minutes(flow, clock):
    flow.add(waiting(1))
    refused_at = None
    while refused_at is None:
        clock.now += 1
        parcel = pick(flow)
        if parcel and flow.settle(parcel, Attempt(Fate.RECORD_REFUSED, "422")).refused:
            refused_at = clock.now
    assert 600 <= refused_at - 1_001 <= 640


def test_what_can_never_be_sent_is_given_up_at_once(flow):
    flow.add(waiting(1))
    assert flow.settle(pick(flow), Attempt(Fate.HOPELESS)).refused


def test_a_refused_key_blocks_only_its_own_records(flow, clock):
    flow.add([*waiting(1, 2, 3, key="bad"), *waiting(4)])
    probe = pick(flow)
    assert flow.settle(probe, Attempt(Fate.KEY_REFUSED)).key_held == "bad"
    assert pick(flow).seq == 4
    assert pick(flow) is None
    assert flow.held_keys() == ["bad"]
    clock.now += 1
    assert pick(flow) is probe
    assert not flow.must_rescan()
    assert flow.settle(probe, Attempt(Fate.GIVEN)).key_released == "bad"
    assert flow.must_rescan()
    assert flow.held_keys() == []


def test_one_key_accepted_again_hurries_the_others(flow, clock):
    flow.add([*waiting(1, key="a"), *waiting(2, key="b")])
    first, second = pick(flow), pick(flow)
    for _ in range(8):
        for parcel in (first, second):
            flow.settle(parcel, Attempt(Fate.KEY_REFUSED))
        clock.now += 31
        assert {pick(flow), pick(flow)} == {first, second}
    flow.settle(second, Attempt(Fate.KEY_REFUSED))
    flow.settle(first, Attempt(Fate.GIVEN))
    assert pick(flow) is second


def test_a_key_that_is_only_refused_is_never_given_up(flow, clock):
    """PostgreSQL is down, and jawn cannot tell a good key from another."""
    flow.hold(["good"])
    flow.add(waiting(1, key="good"))
    for _ in range(100):
        assert flow.settle(pick(flow), Attempt(Fate.KEY_REFUSED)) == NOTHING
        clock.now += 86_400
    assert flow.settle(pick(flow), Attempt(Fate.GIVEN)).key_released == "good"


def test_a_revoked_key_is_given_up_after_two_minutes(flow, clock):
    flow.hold(["revoked"])
    assert flow.keys_without_probe() == ["revoked"]
    flow.add(waiting(1, key="revoked"))
    assert flow.keys_without_probe() == []
    verdicts = []
    for _ in range(5):
        verdicts.append(flow.settle(pick(flow), Attempt(Fate.KEY_GONE)).key_refused)
        clock.now += 31
    assert verdicts == [""] * 4 + ["revoked"]
    assert flow.keys_without_probe() == ["revoked"]


def test_the_word_that_a_key_is_gone_has_to_last(flow, clock):
    """PostgreSQL was away for hours, and comes back with a list that is not filled yet."""
    flow.hold(["good"])
    flow.add(waiting(1, key="good"))
    for fate in [Fate.KEY_REFUSED, *[Fate.KEY_GONE] * 4] * 3:
        assert flow.settle(pick(flow), Attempt(fate)) == NOTHING
        clock.now += 31


def test_a_wall_clock_that_jumps_gives_no_key_up(flow, clock, monkeypatch):
    flow.add(waiting(1, key="good"))
    for days in range(3):
        monkeypatch.setattr(time, "time", lambda days=days: 86_400.0 * days)
        assert flow.settle(pick(flow), Attempt(Fate.KEY_GONE)).key_refused == ""
        clock.now += 31


def test_of_two_records_with_one_id_the_second_goes_once_the_first_has_landed(flow):
    flow.add([*waiting(1), Waiting(2, "id-1", 2, 10, "good", sent=False), *waiting(3)])
    first, other = pick(flow), pick(flow)
    assert [first.seq, other.seq] == [1, 3]
    assert pick(flow) is None
    flow.settle(other, Attempt(Fate.GIVEN))
    assert pick(flow) is None
    flow.settle(first, Attempt(Fate.GIVEN))
    assert pick(flow).seq == 2


def test_records_with_one_id_hold_no_others_back(clock):
    flow = Flow(Pace(window=20), clock)
    for seq in range(1, 101):
        flow.add([Waiting(seq, "one", seq, 10, "good", sent=False)])
    went = [pick(flow)]
    assert pick(flow) is None
    assert flow.room() == 19
    flow.add(waiting(101))
    assert pick(flow).seq == 101
    while len(went) < 100:
        flow.settle(went[-1], Attempt(Fate.GIVEN))
        went.append(pick(flow))
    assert [parcel.seq for parcel in went] == list(range(1, 101))


def test_a_client_that_uses_one_id_for_everything_keeps_nobody_waiting(clock):
    """More would arrive than can leave one by one, until the spool is full of them."""
    flow = Flow(Pace(window=20), clock)
    flow.add([Waiting(seq, "one", seq, 10, "good", sent=False) for seq in range(1, 151)])
    flying = list(iter(lambda: pick(flow), None))
    assert [parcel.seq for parcel in flying] == [1, *range(102, 151)]  # a hundred stay behind the first
    went = []
    while flying:
        went.append(flying.pop())
        flow.settle(went[-1], Attempt(Fate.GIVEN))
        flying += iter(lambda: pick(flow), None)
    assert sorted(parcel.seq for parcel in went) == list(range(1, 151))


def test_what_stays_behind_a_record_of_a_key_that_is_refused_lets_the_next_pass(flow, clock):
    flow.add([Waiting(seq, "one", seq, 10, key, sent=False) for seq, key in enumerate(["bad", "bad", "good"])])
    probe = pick(flow)
    assert pick(flow) is None
    flow.settle(probe, Attempt(Fate.KEY_REFUSED))
    assert pick(flow).seq == 2


def test_large_records_fly_only_a_few_at_a_time(clock):
    flow = Flow(Pace(flight_bytes=25), clock)
    flow.add(waiting(1, size=1_000))
    flow.add(waiting(2, 3, 4))
    large = pick(flow)
    assert large.seq == 1
    assert pick(flow) is None
    flow.settle(large, Attempt(Fate.GIVEN))
    assert [pick(flow).seq, pick(flow).seq] == [2, 3]
    assert pick(flow) is None
