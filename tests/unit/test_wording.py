"""The words of error messages."""

from __future__ import annotations

import pytest

from gateway.wording import did_you_mean, nearest_name, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain é", "plain é"), ("a\x1b[31mb\n", "a?[31mb?"), ("x" * 61, "x" * 60 + "...")],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_nearest() -> None:
    assert nearest_name("ap1", ["app1", "data1"]) == "app1"
    assert nearest_name("zzz", ["app1", "data1"]) is None
    assert did_you_mean("app1") == ": did you mean `app1`?"
    assert did_you_mean(None) == ""
