"""Reading back from ClickHouse."""

from __future__ import annotations

import pytest

from gateway.recorder.confirmation import Reader, UnavailableError, mark_of, question
from gateway.recorder.settings import ClickHouse

ONE = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def reader(helicone):
    return Reader(ClickHouse(helicone.addresses[1], "default", "made-up"), 1, 1)


def test_what_is_asked():
    text = question([(ONE, 1_700_000_000_000), (OTHER, 1_700_000_100_000), ("'); DROP", 1_700_000_000_000)])
    assert f"IN ('{ONE}','{OTHER}')" in text
    assert "BETWEEN '2023-11-14 07:13:20' AND '2023-11-15 13:15:00'" in text
    assert "DROP" not in text


def test_only_what_is_there_is_found(helicone, reader):
    helicone.rows.append((ONE, 5_000))
    assert reader.present([(ONE, 5_000), (OTHER, 5_000)]) == {mark_of(ONE, 5_000)}


def test_two_requests_with_one_id_are_told_apart(helicone, reader):
    helicone.rows.append((ONE, 5_000))
    assert mark_of(ONE, 6_000) not in reader.present([(ONE, 6_000)])


def test_a_servers_time_zone_makes_no_difference():
    assert mark_of(ONE, 1_700_000_000_123) == mark_of(ONE.upper(), 1_700_000_000_123 + 11 * 1_800_000)


def test_many_are_asked_in_batches(helicone, reader):
    asked = [(f"11111111-1111-4111-8111-{number:012}", number) for number in range(1_200)]
    helicone.rows += asked
    assert len(reader.present(asked)) == 1_200
    assert helicone.looks == 3


def test_nothing_asked_is_no_query(helicone, reader):
    assert reader.present([]) == set()
    assert helicone.looks == 0


@pytest.mark.parametrize("trouble", ["error", "password", "gone"])
def test_no_answer_is_not_an_empty_answer(helicone, trouble):
    helicone.clickhouse_down = trouble == "error"
    address = "http://127.0.0.1:1" if trouble == "gone" else helicone.addresses[1]
    reader = Reader(ClickHouse(address, "default", "wrong" if trouble == "password" else "made-up"), 1, 1)
    with pytest.raises(UnavailableError):
        reader.present([(ONE, 1)])
    with pytest.raises(UnavailableError):
        reader.ping()
