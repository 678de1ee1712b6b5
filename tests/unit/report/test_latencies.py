"""Latencies as drawings on shared axes."""

from __future__ import annotations

import pytest

from gateway.report.latencies import BOTTOM, HOUR, LEFT, RIGHT, TOP, WIDTH, drawings, milliseconds_text

NOW = 500_000 * HOUR + 1234.0
LAST = 500_000 * HOUR


def hour(ago, half=100.0, most=900.0):
    return {"hour": LAST - ago * HOUR, "p50_ms": half, "p99_ms": most}


def test_all_drawings_share_their_axes():
    models, keys = drawings([{"slow": [hour(0, 9000.0, 50_000.0)]}, {"key": [hour(3, 12.0, 80.0)]}], NOW, 24)
    assert models[0]["axes"] == keys[0]["axes"]
    assert [tick["text"] for tick in models[0]["axes"]["up"]] == ["10 ms", "100 ms", "1 s", "10 s", "100 s"]
    assert models[0]["axes"]["up"][0]["at"] == BOTTOM
    assert models[0]["axes"]["up"][-1]["at"] == TOP
    assert 3 <= len(models[0]["axes"]["across"]) <= 4


def test_an_hour_without_requests_breaks_the_line():
    [[one]] = drawings([{"m": [hour(5), hour(4), hour(0)]}], NOW, 24)
    median, p99 = one["lines"]
    assert [len(piece) for piece in median["pieces"]] == [2, 1]
    assert median["pieces"][1][0][0] == WIDTH - RIGHT
    assert median["pieces"][0][0][0] > LEFT
    assert (median["name"], p99["name"]) == ("median", "p99")
    assert p99["pieces"][0][0][1] < median["pieces"][0][0][1]  # slower stands higher


def test_names_of_lines_never_lie_on_each_other():
    [[one]] = drawings([{"m": [hour(0, 100.0, 101.0)]}], NOW, 24)
    median, p99 = (line["label"]["y"] for line in one["lines"])
    assert median - p99 >= 12


def test_what_is_unknown_old_or_zero_breaks_nothing():
    assert drawings([{"m": [hour(0, None, None)]}, {}], NOW, 24) == [[], []]
    assert drawings([{"m": [hour(30)]}], NOW, 24) == [[]]
    [[zero, empty]] = drawings([{"zero": [hour(0, 0.0, 0.0)], "empty": []}], NOW, 24)
    assert zero["lines"][0]["pieces"][0][0][1] == BOTTOM
    assert empty["lines"] == []


@pytest.mark.parametrize(("given", "shown"), [(0, "0 ms"), (999.4, "999 ms"), (1000, "1 s"), (1530, "1.53 s")])
def test_times_have_their_units(given, shown):
    assert milliseconds_text(given) == shown
