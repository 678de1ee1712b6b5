"""Reading Envoy's access log."""

from __future__ import annotations

import os

import pytest

from gateway.recorder import access_log
from gateway.recorder.access_log import AccessLog, Place, place_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "access.log"


def append(path, text):
    with path.open("ab") as file:
        file.write(text)


def lines_of(log):
    return [line for line, _ in log.lines()]


def read_all(log):
    found = []
    while lines := lines_of(log):
        found += lines
    return found


def test_only_whole_lines_and_each_once(path):
    log = AccessLog(path, Place())
    assert lines_of(log) == []
    append(path, b"one\ntw")
    assert lines_of(log) == [b"one"]
    assert lines_of(log) == []
    append(path, b"o\n")
    assert lines_of(log) == [b"two"]


def test_reading_goes_on_from_a_kept_place(path):
    append(path, b"one\ntwo\n")
    log = AccessLog(path, Place())
    log.lines()
    append(path, b"three\n")
    assert lines_of(AccessLog(path, place_of(log.place.text()))) == [b"three"]


def test_another_file_under_the_name_is_read_from_its_beginning(path):
    append(path, b"one\n")
    log = AccessLog(path, Place())
    log.lines()
    append(path, b"two\n")
    path.rename(path.with_suffix(".old"))
    append(path, b"three\n")
    assert read_all(log) == [b"two"]
    assert read_all(log) == [b"three"]


def test_a_file_that_was_cut_is_read_from_its_beginning(path):
    append(path, b"one\ntwo\n")
    log = AccessLog(path, Place())
    log.lines()
    path.write_bytes(b"3\n")
    assert lines_of(log) == []
    assert lines_of(log) == [b"3"]


@pytest.mark.parametrize("kept", [0, 4, 6], ids=["nothing", "whole lines", "half a line"])
def test_a_file_that_lost_its_end_in_a_power_cut_is_not_read_again(path, kept, capsys):
    append(path, b"one\ntwo\n")
    log = AccessLog(path, Place())
    log.lines()
    os.truncate(path, kept)
    after = AccessLog(path, log.place)
    assert lines_of(after) == []
    append(path, b"three\n")
    assert lines_of(after) == [b"three"]
    assert capsys.readouterr().out.count("power cut") == 1
    assert lines_of(AccessLog(path, after.place)) == []
    assert capsys.readouterr().out == ""


def test_reading_never_begins_inside_a_line(path, capsys):
    """The end was lost, and more came in its place before anybody read."""
    append(path, b"one\ntwo\n")
    log = AccessLog(path, Place())
    log.lines()
    os.truncate(path, 6)
    append(path, b"three\nfour\n")
    assert lines_of(AccessLog(path, log.place)) == [b"four"]
    assert capsys.readouterr().out.count("power cut") == 1


def test_what_was_read_is_freed_and_the_rest_is_not_touched(path):
    line = b"x" * 999 + b"\n"
    log = AccessLog(path, Place())
    for _ in range(5):
        append(path, line * 1_000)
        read_all(log)
        log.forget(log.place)
    append(path, b"the last\n")
    if path.stat().st_blocks * 512 > 4_000_000:
        pytest.skip("this filesystem punches no holes")
    assert path.stat().st_size == 5_000_009
    assert path.stat().st_blocks * 512 < 1_200_000
    assert lines_of(log) == [b"the last"]
    assert b"the last" in read_all(AccessLog(path, Place()))


def test_a_filesystem_that_cannot_punch_is_asked_once(path, monkeypatch):
    asked = []
    monkeypatch.setattr(access_log, "_punch", lambda *arguments: asked.append(arguments) is not None)
    log = AccessLog(path, Place())
    for _ in range(3):
        append(path, b"y\n" * 600_000)
        read_all(log)
        log.forget(log.place)
    assert len(asked) == 1


def test_a_file_that_may_only_be_read_is_read(path, monkeypatch):
    def refuse_writing(name, flags, *rest):
        """Open as for a user who may not write, whoever runs this."""
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied", name)
        return opened(name, flags, *rest)

    append(path, b"one\n")
    opened = os.open
    monkeypatch.setattr(os, "open", refuse_writing)
    assert lines_of(AccessLog(path, Place())) == [b"one"]


def test_what_is_no_line_is_passed_over(path):
    append(path, b"z" * 3_000_000 + b"\nafter\n")
    assert read_all(AccessLog(path, Place()))[-1] == b"after"


def test_whoever_does_not_do_with_all_lines_comes_back_to_the_rest(path):
    append(path, b"one\ntwo\nthree\n")
    log = AccessLog(path, Place())
    log.place = log.lines()[1][1]
    assert lines_of(log) == [b"three"]
