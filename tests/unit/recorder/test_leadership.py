"""Who of two delivers."""

from __future__ import annotations

from gateway.recorder.leadership import Leadership


def test_one_leads_until_it_gives_up(tmp_path):
    first, second = Leadership(tmp_path / "made"), Leadership(tmp_path / "made")
    assert first.seek()
    assert first.seek()
    assert not second.seek()
    assert (first.held, second.held) == (True, False)
    first.give_up()
    first.give_up()
    assert second.seek()
    assert not first.seek()
