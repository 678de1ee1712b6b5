"""The idle share is that of the last second, and an account that cannot be read stands in nobody's way."""

from __future__ import annotations

from pathlib import Path

from gateway.recorder.processors import Processors


def test_the_share_is_that_of_the_time_between_two_looks(tmp_path: Path) -> None:
    account, now = tmp_path / "stat", [0.0]
    account.write_text("cpu  100 0 100 1000 100 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    processors = Processors(account, lambda: now[0])
    account.write_text("cpu  160 10 110 1010 110 0 0 0 0 0\n")
    now[0] = 0.9
    assert processors.idle() == 1.0
    now[0] = 1.0
    assert processors.idle() == 0.2
    account.write_text("cpu  160 10 110 1110 110 0 0 0 0 0\n")
    now[0] = 2.5
    assert processors.idle() == 1.0


def test_an_account_that_cannot_be_read_counts_as_idle(tmp_path: Path) -> None:
    now = [0.0]
    for text in (None, "", "something else\n"):
        account = tmp_path / "stat"
        account.unlink(missing_ok=True)
        if text is not None:
            account.write_text(text)
        processors = Processors(account, lambda: now[0])
        now[0] += 2
        assert processors.idle() == 1.0


def test_this_machines_account_is_read() -> None:
    processors = Processors(clock=iter([0.0, 5.0]).__next__)
    assert 0.0 <= processors.idle() <= 1.0
