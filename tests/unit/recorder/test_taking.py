"""Every exchange becomes one record or one gap, whoever stops, dies or comes late."""

from __future__ import annotations

import errno
import gzip
import os
import random
import threading
import time

import pytest

from gateway.recorder import backlog, mirror, taking
from gateway.recorder.schema import count
from gateway.recorder.spool import Spool
from gateway.recorder.status import status
from gateway.recorder.taking import Taking
from tests.unit.recorder.mirrored import Envoy, new_ids, part, request, response
from tests.unit.recorder.stand_ins import settings, wait_until


@pytest.fixture
def told(tmp_path):
    return settings(tmp_path, access_log=tmp_path / "access.log", mirror=tmp_path / "mirror")


@pytest.fixture
def envoy(told):
    return Envoy(told.mirror, told.access_log)


@pytest.fixture
def takes(told, spool):
    return lambda: Taking(told, spool)


def rounds(taking):
    taking._left_seen = float("-inf")  # noqa: SLF001 - as if seconds had gone by
    while taking.round():
        pass


def taken(seen):
    return [identity for (identity,) in seen.execute("SELECT id FROM record ORDER BY seq")]


def test_what_passed_is_taken_and_its_file_removed(envoy, takes, seen):
    ids = new_ids(3)
    envoy.passed(*ids)
    rounds(takes())
    assert taken(seen) == ids
    assert list(envoy.folder.iterdir()) == []
    assert count(seen, "gaps_total") == 0


def test_what_is_under_way_is_left_alone(envoy, takes, seen):
    envoy.leave("under way")
    rounds(takes())
    assert taken(seen) == []
    assert len(list(envoy.folder.iterdir())) == 1


def test_a_line_without_a_file_is_a_gap_with_what_is_known(tmp_path, envoy, takes, seen):
    (lost,) = new_ids(1)
    envoy.log({"id": lost, "exchange": None, "start": "1.5"})
    envoy.log({"id": "b", "exchange": f"{envoy.folder.name}/{new_ids(1)[0]}"}, {"id": "c", "exchange": "../../etc/x"})
    rounds(takes())
    shown = status(tmp_path, tmp_path / "none")
    assert shown["gaps_total"] == 3
    assert shown["gaps_last"][2] == {
        "id": lost, "started": "1.5", "status": 200, "provider": "openai", "path": "/v1/x",
    }  # fmt: skip


def test_what_is_not_to_be_recorded_is_neither(envoy, takes, seen):
    envoy.log({"id": "a", "exchange": None, "recorded": "no"}, {"id": "b", "recorded": "inline"})
    envoy.log({"id": "of a former release's Envoy", "recorded": "yes"})
    rounds(takes())
    assert (taken(seen), count(seen, "gaps_total"), count(seen, "unreadable_lines_total")) == ([], 0, 0)


def test_one_id_twice_is_two_records(envoy, takes, seen):
    envoy.passed("again", "again")
    rounds(takes())
    assert taken(seen) == ["again", "again"]


def test_a_round_that_fails_loses_neither_its_lines_nor_its_gaps(envoy, takes, seen, monkeypatch):
    """As when the process is short of memory or files for a moment."""
    ids = new_ids(3)
    envoy.passed(*ids[:2])
    envoy.log({"id": new_ids(1)[0], "exchange": None})
    envoy.passed(ids[2])
    taking, names = takes(), []
    really = taking._mirror.read  # noqa: SLF001 - the moment inside of a round

    def read(name):
        names.append(name)
        if len(names) == 2:
            raise OSError(errno.EMFILE, "Too many open files")
        return really(name)

    monkeypatch.setattr(taking._mirror, "read", read)  # noqa: SLF001
    with pytest.raises(OSError, match="Too many"):
        taking.round()
    rounds(taking)
    assert (taken(seen), count(seen, "gaps_total")) == (ids, 1)


def test_two_envoys_at_once(told, envoy, takes, seen):
    other = Envoy(told.mirror, told.access_log)
    first, second = new_ids(2)
    envoy.passed(first)
    other.passed(second)
    rounds(takes())
    assert taken(seen) == [first, second]


def test_what_an_envoy_leaves_that_is_gone_is_taken_as_far_as_it_came(envoy, takes, seen):
    envoy.leave("broken off", request(id="broken off") + part("A", "200\0\0") + part("R", b"ab"))
    envoy.end()
    rounds(takes())
    (waiting,) = backlog.waiting(seen, 0, [], 10)
    record = backlog.load(seen, waiting.seq)
    assert (record.id, record.response_body, record.complete) == ("broken off", b"ab", False)
    assert count(seen, "gaps_total") == 0
    wait_until(lambda: rounds(takes()) or not envoy.folder.exists())


def test_what_an_envoy_leaves_waits_for_the_lines_before_it(envoy, takes, seen):
    ids = new_ids(20)
    envoy.passed(*ids)
    envoy.end()
    rounds(takes())
    assert taken(seen) == ids


def test_the_last_line_of_an_envoy_that_ends_while_it_is_looked_for_makes_no_gap(envoy, takes, seen, monkeypatch):
    """Its line comes when the log was read to its end, and then it ends."""
    (last,) = new_ids(1)
    name, really = envoy.leave(last), mirror._is_gone  # noqa: SLF001 - the moment between two of its steps

    def is_gone(folder):
        if envoy.runs():
            envoy.log({"id": last, "exchange": name})
            envoy.end()
        return really(folder)

    monkeypatch.setattr(mirror, "_is_gone", is_gone)
    taking = takes()
    rounds(taking)
    rounds(taking)
    assert taken(seen) == [last]
    assert count(seen, "gaps_total") == 0


def test_what_is_silent_for_longer_than_envoy_allows_is_taken(envoy, takes, seen, monkeypatch):
    envoy.leave("silent")
    monkeypatch.setattr(mirror, "_SILENT_SECONDS", 0)
    taking = takes()
    rounds(taking)
    assert taken(seen) == []
    rounds(taking)
    assert taken(seen) == ["silent"]


def test_a_clock_that_is_set_forward_breaks_nothing_off(envoy, takes, seen):
    """As by NTP, or in a machine that is resumed: what is under way looks hours old at once."""
    (identity,) = new_ids(1)
    name = envoy.leave(identity, request(id=identity))
    before = time.time() - 7200
    os.utime(envoy.folder.parent / name, (before, before))
    taking = takes()
    rounds(taking)
    rounds(taking)
    assert taken(seen) == []
    with (envoy.folder.parent / name).open("ab") as file:
        file.write(response())
    envoy.log({"id": identity, "exchange": name})
    rounds(taking)
    (waiting,) = backlog.waiting(seen, 0, [], 10)
    assert backlog.load(seen, waiting.seq).complete
    assert count(seen, "gaps_total") == 0


def test_other_names_are_never_touched(told, envoy, takes):
    (told.mirror / ".being made").mkdir()
    (envoy.folder / "other").write_text("x")
    envoy.end()
    rounds(takes())
    assert (envoy.folder / "other").exists()
    assert (told.mirror / ".being made").exists()


def test_an_unreadable_file_is_a_gap_and_removed(envoy, takes, seen):
    envoy.log({"id": "a", "exchange": envoy.leave("a", b"nonsense that is long")})
    rounds(takes())
    assert (taken(seen), count(seen, "gaps_total"), list(envoy.folder.iterdir())) == ([], 1, [])


def test_killed_between_the_commit_and_the_removal_nothing_is_taken_twice(envoy, takes, seen, monkeypatch):
    ids = new_ids(5)
    envoy.passed(*ids)
    dying = takes()
    monkeypatch.setattr(dying._mirror, "remove", lambda _: 1 / 0)  # noqa: SLF001
    with pytest.raises(ZeroDivisionError):
        dying.round()
    assert len(list(envoy.folder.iterdir())) == 5
    envoy.end()
    rounds(takes())
    assert taken(seen) == ids
    assert not envoy.folder.exists()


def test_the_count_is_exact_through_restarts(envoy, takes, seen, monkeypatch):
    monkeypatch.setattr(taking, "_BATCH_FILES", 7)
    chance = random.Random(7)  # noqa: S311 - the same every time
    now, expected, lost = takes(), [], 0
    for _ in range(30):
        for identity in new_ids(20):
            name = envoy.leave(identity)
            if chance.random() < 0.1:
                (envoy.folder.parent / name).unlink()
                lost += 1
            else:
                expected.append(identity)
            envoy.log({"id": identity, "exchange": name})
            if chance.random() < 0.1:
                now.round()
        if chance.random() < 0.3:
            now = takes()  # the former one is gone without a word
    rounds(now)
    assert taken(seen) == expected
    assert count(seen, "gaps_total") == lost
    assert list(envoy.folder.iterdir()) == []


@pytest.mark.parametrize("more", [1, 100], ids=["less comes than was lost", "more comes than was lost"])
def test_a_power_cut_makes_no_gap_of_what_was_recorded(told, envoy, takes, seen, monkeypatch, more):
    """The spool is on the disk, what Envoy wrote last is not; and what passes before the recorder is back is taken."""
    before, meanwhile, afterwards = new_ids(100), new_ids(more), new_ids(1)
    envoy.passed(*before)
    rounds(takes())
    os.truncate(told.access_log, told.access_log.stat().st_size - 4096)
    envoy.end()
    back = Envoy(told.mirror, told.access_log)
    back.passed(*meanwhile)
    taking = takes()
    rounds(taking)
    back.passed(*afterwards)
    monkeypatch.setattr(mirror, "_SILENT_SECONDS", 0)
    rounds(taking)
    rounds(taking)
    assert sorted(taken(seen)) == sorted([*before, *meanwhile, *afterwards])
    assert count(seen, "gaps_total") == count(seen, "unreadable_lines_total") == 0


def test_much_is_taken_in_several_commits(envoy, takes, seen, monkeypatch):
    monkeypatch.setattr(taking, "_BATCH_BYTES", 1000)
    ids = new_ids(20)
    envoy.passed(*ids)
    assert takes().round()
    assert 0 < len(taken(seen)) < 20
    rounds(takes())
    assert taken(seen) == ids


def test_what_unpacks_to_much_is_taken_in_several_commits(envoy, takes, seen, monkeypatch):
    """All records of a commit are in memory at once, and some bytes of a client's may stand for megabytes."""
    monkeypatch.setattr(taking, "_BATCH_BYTES", 1_000_000)
    packed, ids = gzip.compress(b"x" * 300_000), new_ids(20)
    for identity in ids:
        name = envoy.leave(identity, request(packed, id=identity, encoding="gzip") + response())
        envoy.log({"id": identity, "exchange": name})
    assert takes().round()
    assert 0 < len(taken(seen)) < 5
    rounds(takes())
    assert taken(seen) == ids


def test_lines_that_make_no_sense_are_counted(told, takes, seen):
    told.access_log.write_text('{"id": "a"\n[]\n17\n{"recorded": "yes", "exchange": "x"}\n')
    rounds(takes())
    assert count(seen, "unreadable_lines_total") == 4
    assert count(seen, "gaps_total") == 0


def test_the_list_of_gaps_is_bounded_and_the_count_is_not(envoy, takes, seen):
    envoy.log(*({"id": identity, "exchange": None} for identity in new_ids(3_000)))
    rounds(takes())
    assert count(seen, "gaps_total") == 3_000
    assert seen.execute("SELECT count(*) FROM gap").fetchone() == (1_000,)


def test_a_dropped_record_is_counted_as_that(tmp_path, told, envoy, seen):
    full = Spool(settings(tmp_path, spool_bytes=1))
    envoy.passed("a")
    rounds(Taking(told, full))
    full.close()
    assert (count(seen, "dropped_total"), count(seen, "gaps_total")) == (1, 0)
    assert list(envoy.folder.iterdir()) == []


def test_it_runs_by_itself_and_stops(envoy, takes, seen):
    running = takes()
    running.start()
    envoy.passed("a")
    wait_until(lambda: taken(seen) == ["a"])
    assert running.stop(60)
    envoy.passed("b")
    time.sleep(0.3)
    assert taken(seen) == ["a"]


def test_it_is_not_stopped_before_its_commit_is_on_disk(envoy, takes, spool, seen, monkeypatch):
    asked, take = threading.Event(), spool.take

    def noted(*records, change):
        """Tell that there is something to write, and let it be written."""
        if records:
            asked.set()
        return take(*records, change=change)

    monkeypatch.setattr(spool, "take", noted)
    running = takes()
    envoy.passed("a")  # before it looks: an empty log's beginning is a commit of its own, which would not return
    seen.execute("BEGIN IMMEDIATE")  # nobody else can write
    running.start()
    assert asked.wait(60)
    assert not running.stop(0.1)
    seen.execute("COMMIT")
    assert running.stop(60)
    assert taken(seen) == ["a"]
