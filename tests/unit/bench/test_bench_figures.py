"""Percentiles, medians over rounds, growth."""

from __future__ import annotations

import math

import pytest

from bench.figures import difference, grouped, growth, median_row, percentile, ratio


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_one_of_the_values(share, expected):
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_no_values_have_the_percentile_0():
    assert percentile([], 0.99) == 0


def test_the_middle_of_rows_is_taken_number_by_number_also_in_mappings():
    rows = [
        {"median_ms": 1.0, "label": "edge", "processor_us": {"jawn": 3, "keys": 1}, "stream": True},
        {"median_ms": 9.0, "label": "edge", "processor_us": {"jawn": 5}, "stream": True},
        {"median_ms": 2.0, "label": "edge", "processor_us": {"jawn": 4}, "stream": True},
    ]
    assert median_row(rows) == {
        "median_ms": 2.0, "label": "edge", "processor_us": {"jawn": 4, "keys": 1}, "stream": True,
    }  # fmt: skip


def test_rows_are_grouped_in_the_order_of_their_first():
    rows = [{"case": "16", "n": 1}, {"case": "1", "n": 2}, {"case": "16", "n": 3}]
    assert {key: [row["n"] for row in group] for key, group in grouped(rows, "case").items()} == {
        ("16",): [1, 3],
        ("1",): [2],
    }


def test_what_was_not_there_before_counts_from_nothing():
    assert difference({"a": 5.0, "b": 2.0}, {"a": 3.0, "gone": 1.0}) == {"a": 2.0, "b": 2.0}


def test_a_ratio_to_nothing_is_infinite():
    assert ratio(3, 2) == 1.5
    assert ratio(3, 0) == math.inf


def test_growth_compares_the_end_with_the_time_after_the_start():
    assert growth([1.0, 90.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 53.0, 53.0]) == 3
    assert growth([1.0, 2.0]) == 0
