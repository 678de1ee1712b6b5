"""A rush begins above a rate and ends by itself."""

from __future__ import annotations

from gateway.recorder.rush import Rush


def passed(rush, how_many):
    for _ in range(how_many):
        rush.note()


def test_it_begins_above_the_rate(clock):
    rush = Rush(10, clock, lambda: 0.0)
    passed(rush, 10)
    assert not rush.is_on()
    passed(rush, 1)
    assert rush.is_on()


def test_it_lasts_until_a_second_has_passed_below_the_rate(clock):
    rush = Rush(10, clock, lambda: 0.0)
    passed(rush, 11)
    clock.now += 1
    assert rush.is_on()
    passed(rush, 1)
    assert rush.is_on()
    clock.now += 1
    assert not rush.is_on()
    passed(rush, 1)
    assert not rush.is_on()


def test_it_is_over_when_nothing_comes_any_more(clock):
    rush = Rush(10, clock, lambda: 0.0)
    passed(rush, 11)
    clock.now += 2
    assert not rush.is_on()
    passed(rush, 1)
    assert not rush.is_on()


def test_where_processors_are_left_over_nothing_has_to_wait(clock):
    idle = [0.6]
    rush = Rush(10, clock, lambda: idle[0])
    passed(rush, 11)
    assert not rush.is_on()
    idle[0] = 0.4
    assert rush.is_on()
