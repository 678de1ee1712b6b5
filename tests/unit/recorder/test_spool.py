"""The spool: what was taken is on disk, and never more than the bounds."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.recorder import backlog
from gateway.recorder.schema import FILE, add, count, open_spool
from gateway.recorder.spool import Spool
from tests.unit.recorder.stand_ins import record, settings

ROOT = Path(__file__).parents[3]
TAKES_UNTIL_KILLED = """
import sys
from pathlib import Path
from gateway.recorder.schema import count, open_spool
from gateway.recorder.spool import Spool
from tests.unit.recorder.stand_ins import record, settings
folder = Path(sys.argv[1])
spool, seen = Spool(settings(folder)), open_spool(folder)
while True:
    for _ in range(50):
        spool.take(record())
    spool.change(lambda _: None).wait()
    print(count(seen, "taken_total"), flush=True)
"""

TAKES_ONE = """
import sys
from pathlib import Path
from gateway.recorder.spool import Spool
from tests.unit.recorder.stand_ins import record, settings
print(Spool(settings(Path(sys.argv[1]))).take(record()).wait(60))
"""


@pytest.fixture
def spools():
    opened = []

    def make(folder, **changes):
        opened.append(Spool(settings(folder, **changes)))
        return opened[-1]

    yield make
    for spool in opened:
        spool.close()


def on_disk(spool):
    assert spool.change(lambda _: None).wait(60)


def test_a_record_comes_back_as_it_was_taken(tmp_path, spools):
    taken = record(headers={"helicone-property-a": "ü\udcff"}, request_body=b"\0\xff", first_byte=None, omitted="why")
    spool = spools(tmp_path)
    spool.take(taken)
    on_disk(spool)
    seen = open_spool(tmp_path)
    (waiting,) = backlog.waiting(seen, 0, [], 10)
    assert backlog.load(seen, waiting.seq) == taken
    assert count(seen, "omitted_total") == 1


def test_the_spool_is_for_this_user_alone(tmp_path, spools):
    spools(tmp_path / "made")
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "made" / FILE).stat().st_mode & 0o777 == 0o600


def test_beyond_its_bound_records_are_dropped_and_counted(tmp_path, spools, capsys):
    spool = spools(tmp_path, spool_bytes=10_000)
    for _ in range(30):
        spool.take(record(request_body=b"x" * 800))
    on_disk(spool)
    seen = open_spool(tmp_path)
    assert 5 < count(seen, "waiting") < 11
    assert count(seen, "waiting_bytes") <= 10_000
    assert count(seen, "waiting") + count(seen, "dropped_total") == 30
    assert capsys.readouterr().out.count("the spool is full") <= 1


def test_what_was_finished_makes_room_and_counts_once(tmp_path, spools):
    spool = spools(tmp_path, spool_bytes=2_000)
    seen = open_spool(tmp_path)
    spool.take(record(request_body=b"x" * 1_000))
    on_disk(spool)
    spool.change(lambda connection: backlog.finish(connection, [1], 0))
    spool.change(lambda connection: backlog.finish(connection, [1], 0))
    on_disk(spool)
    spool.take(record(request_body=b"x" * 1_000))
    on_disk(spool)
    counted = [count(seen, name) for name in ("waiting", "done_total", "dropped_total")]
    assert counted == [1, 1, 0]
    assert count(seen, "waiting_bytes") == seen.execute("SELECT sum(bytes) FROM record").fetchone()[0]


def test_what_comes_together_is_on_disk_together(tmp_path, spools):
    spool = spools(tmp_path)
    seen = open_spool(tmp_path)
    seen.execute("BEGIN IMMEDIATE")  # nobody else can write
    made = spool.take(record(), record(started=1e300), record(), change=lambda connection: add(connection, "x", 1))
    assert not made.wait(0.2)
    seen.execute("COMMIT")
    assert made.wait(60)
    assert [count(seen, name) for name in ("waiting", "dropped_total", "x")] == [2, 1, 1]


def test_a_nearly_full_disk_takes_nothing_and_still_finishes(tmp_path, spools):
    first = spools(tmp_path)
    first.take(record())
    on_disk(first)
    full = Spool(type(settings(tmp_path))(folder=tmp_path, disk_free_bytes=1 << 62))
    full.take(record())
    full.change(lambda connection: backlog.finish(connection, [1], 0))
    on_disk(full)
    full.close()
    seen = open_spool(tmp_path)
    assert (count(seen, "waiting"), count(seen, "dropped_total"), count(seen, "done_total")) == (0, 1, 1)


def test_an_entry_that_cannot_be_written_takes_no_other_with_it(tmp_path, spools):
    spool = spools(tmp_path)
    spool.change(lambda _: 1 / 0)
    spool.take(record())
    spool.take(record(started=1e300))
    spool.take(record())
    on_disk(spool)
    seen = open_spool(tmp_path)
    assert (count(seen, "waiting"), count(seen, "dropped_total")) == (2, 1)


def test_two_processes_take_into_one_spool(tmp_path, spools):
    one, other = spools(tmp_path), spools(tmp_path)
    for _ in range(200):
        one.take(record())
        other.take(record())
    on_disk(one)
    on_disk(other)
    assert count(open_spool(tmp_path), "waiting") == 400


def test_what_was_taken_survives_a_kill(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", TAKES_UNTIL_KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as child:
        said = [int(child.stdout.readline()) for _ in range(5)]
        child.kill()
    seen = open_spool(tmp_path)
    assert count(seen, "waiting") >= said[-1] == 250
    assert seen.execute("SELECT count(*), count(DISTINCT id) FROM record").fetchone() == (count(seen, "waiting"),) * 2
    assert seen.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_damaged_spool_is_set_aside(tmp_path, spools, capsys):
    (tmp_path / FILE).write_bytes(b"no database at all" * 1_000)
    spool = spools(tmp_path)
    spool.take(record())
    on_disk(spool)
    assert count(open_spool(tmp_path), "waiting") == 1
    assert list(tmp_path.glob(f"damaged-*/{FILE}"))
    assert "damaged" in capsys.readouterr().out


def test_damage_that_is_met_later_ends_the_process_and_the_next_one_sets_the_spool_aside(tmp_path, spools):
    """Whoever waits for a record to be written must not believe that it was."""
    spool = spools(tmp_path)
    spool.take(*(record() for _ in range(50)))
    on_disk(spool)
    spool.close()
    seen = open_spool(tmp_path)
    seen.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = seen.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record'").fetchone()
    seen.close()
    with (tmp_path / FILE).open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    words = [sys.executable, "-c", TAKES_ONE, str(tmp_path)]
    first, second = (
        subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300) for _ in range(2)
    )
    assert (first.returncode, "True" in first.stdout, "damaged" in first.stdout) == (1, False, True)
    assert (second.returncode, "True" in second.stdout) == (0, True)
    assert count(open_spool(tmp_path), "waiting") == 1
    assert list(tmp_path.glob(f"damaged-*/{FILE}"))


def test_a_second_connection_of_this_process_leaves_the_other_ones_locks(tmp_path, spools):
    spool = spools(tmp_path)
    on_disk(spool)
    open_spool(tmp_path).close()
    locks = Path("/proc/locks").read_text()
    assert f":{(tmp_path / FILE).stat().st_ino} " in locks


def test_closing_writes_what_is_queued(tmp_path):
    spool = Spool(settings(tmp_path))
    for _ in range(3_000):
        spool.take(record())
    spool.close()
    assert count(open_spool(tmp_path), "waiting") == 3_000
    with pytest.raises(sqlite3.ProgrammingError):
        spool._connection.execute("SELECT 1")  # noqa: SLF001


def test_it_takes_far_more_than_two_thousand_a_second(tmp_path, spools):
    spool = spools(tmp_path)
    records = [record() for _ in range(4_000)]
    commits = []
    spool._connection.set_trace_callback(lambda words: words == "COMMIT" and commits.append(1))  # noqa: SLF001
    began = time.process_time()
    for taken in records:
        spool.take(taken)
    on_disk(spool)
    assert time.process_time() - began < 2
    assert count(open_spool(tmp_path), "taken_total") == 4_000
    assert len(commits) < 200  # each of which waits for the disk
