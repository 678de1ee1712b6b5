"""Data that was put aside comes back whole, whenever the work was cut off."""

from __future__ import annotations

import pytest

from gateway.agent import aside

OLD = {"PG_VERSION": "17", "base": "old"}


@pytest.fixture
def live(tmp_path):
    folder = tmp_path / "live"
    folder.mkdir()
    for name, text in OLD.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def beside(tmp_path):
    folder = tmp_path / "beside"
    folder.mkdir()
    return folder


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def put_new(live):
    (live / "PG_VERSION").write_text("17")
    (live / "new").mkdir()


def test_the_old_takes_the_place_of_the_new_again(live, beside):
    aside.put(live, beside)
    assert content(live) == {}
    put_new(live)
    assert aside.is_pending(beside)
    aside.put_back(live, beside)
    assert content(live) == OLD
    assert not aside.is_pending(beside)


def test_a_volume_that_was_not_there_is_emptied_again(live, beside):
    aside.put(None, beside)
    aside.put_back(live, beside)
    assert content(live) == {}


def test_a_put_that_was_cut_off_never_empties_the_volume(live, beside):
    (beside / "moving").mkdir()
    (live / "base").rename(beside / "moving" / "base")
    aside.put_back(live, beside)
    assert content(live) == OLD


def test_a_put_back_that_was_cut_off_goes_on(live, beside):
    aside.put(live, beside)
    put_new(live)
    (beside / "content").rename(beside / "moving")
    for path in (live / "new", live / "PG_VERSION"):
        path.rmdir() if path.is_dir() else path.unlink()
    (beside / "moving" / "base").rename(live / "base")
    aside.put_back(live, beside)
    assert content(live) == OLD


def test_what_cannot_be_moved_stays_all_of_it(live, beside, monkeypatch):
    original = type(live).rename

    def rename(path, target):
        if path.name == "base":
            raise OSError(18, "Invalid cross-device link")
        return original(path, target)

    monkeypatch.setattr(type(live), "rename", rename)
    with pytest.raises(OSError, match="cross-device"):
        aside.put(live, beside)
    assert content(live) == OLD
    monkeypatch.undo()
    aside.put_back(live, beside)
    assert content(live) == OLD


def test_nobody_wants_back_what_was_given_up(live, beside):
    aside.put(live, beside)
    aside.give_up(beside)
    assert not aside.is_pending(beside)


def test_of_volumes_that_belong_together_the_first_given_up_counts_for_all(live, beside, tmp_path):
    other_live, other = tmp_path / "other-live", tmp_path / "other"
    for folder in (other_live, other):
        folder.mkdir()
    aside.put(live, beside)
    aside.put(other_live, other)
    assert aside.are_wanted_back([beside, other, None])
    aside.give_up(beside)
    assert not aside.are_wanted_back([beside, other, None])


def test_what_was_given_up_once_does_not_count_for_what_is_put_there_later(live, beside):
    aside.put(live, beside)
    aside.give_up(beside)
    put_new(live)
    aside.clear(beside)
    aside.put(live, beside)
    assert aside.are_wanted_back([beside])
