"""How the agent is put where the next command finds it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.agent import resident
from gateway.agent.store import Store


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Return a function that keeps the agent, and the file that it is kept in."""
    store = Store(str(tmp_path / "trial"))
    store.create()
    (tmp_path / "sent").touch()
    target = store.state / "agent" / "name"
    monkeypatch.setattr(resident, "__loader__", SimpleNamespace(archive=str(tmp_path / "sent")))
    return lambda: resident.keep(store, target), target


def test_of_two_commands_that_end_at_once_none_puts_a_half_written_file_there(keep, monkeypatch):
    keep, target = keep
    at_work, going_on = os.pipe(), os.pipe()

    def meanwhile(archive, known):
        """Let another command begin to keep it, and end first."""
        child = os.fork()
        if child == 0:
            monkeypatch.setattr(resident, "compiled", lambda *_: os.write(at_work[1], b"1") and slow())
            try:
                keep()
            finally:
                os._exit(0)
        children.append(child)
        os.read(at_work[0], 1)
        return b"whole"

    def slow():
        os.close(going_on[1])
        os.read(going_on[0], 1)
        return b"whole, too"

    children = []
    monkeypatch.setattr(resident, "compiled", meanwhile)
    keep()
    assert target.read_bytes() == b"whole"
    os.close(going_on[1])
    os.waitpid(children[0], 0)
    assert target.read_bytes() in (b"whole", b"whole, too")
    assert [*target.parent.iterdir()] == [target]


def test_it_is_on_the_disk_before_it_gets_its_name(keep, monkeypatch):
    """After a power cut half a zip under this name would be what every command starts, and none could."""
    keep, target = keep
    flushed, flush = [], os.fsync
    monkeypatch.setattr(resident, "compiled", lambda *_: b"whole")
    monkeypatch.setattr(
        resident.os, "fsync",
        lambda file: flush(file) or flushed.append((Path(f"/proc/self/fd/{file}").read_bytes(), target.exists())),
    )  # fmt: skip
    keep()
    assert flushed == [(b"whole", False)]
    assert target.read_bytes() == b"whole"


def test_a_full_disk_leaves_nothing_half_written(keep, monkeypatch):
    keep, target = keep
    monkeypatch.setattr(resident, "compiled", lambda *_: b"whole")
    keep()

    class Full:
        """A file on a disk that is full."""

        def __init__(self, descriptor, mode):
            self.descriptor = descriptor

        def __enter__(self):
            return self

        def __exit__(self, *_):
            os.close(self.descriptor)

        def write(self, data):
            os.write(self.descriptor, data[:2])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(resident.os, "fdopen", Full)
    keep()
    assert target.read_bytes() == b"whole"
    assert [*target.parent.iterdir()] == [target]
