"""An agent that a host keeps: sent and compiled once, never from a file that somebody else could have written."""

from __future__ import annotations

import zipfile

import pytest

from gateway.agent.hello import FOLDER
from gateway.transport import bundle, conversation


@pytest.fixture
def sent(monkeypatch):
    """Return a list that grows whenever the agent is sent."""
    times = []

    def archive():
        times.append(1)
        return bundle.archive()

    monkeypatch.setattr(conversation, "archive", archive)
    return times


def kept(machine):
    return sorted((machine.root / FOLDER).glob("*"))


@pytest.fixture
def released(machine, eventually):
    """Return a host that has an environment, after its first conversation."""
    (machine.root / "state").mkdir(parents=True, mode=0o700)
    machine.talk().close()
    eventually(lambda: kept(machine))
    return machine


def test_looking_at_a_host_without_a_release_leaves_nothing(machine, sent):
    machine.talk().close()
    assert not machine.root.exists()


def test_a_second_conversation_sends_nothing(released, sent):
    (file,) = kept(released)
    talk = released.talk()
    assert talk.request("run", command="echo ok")["stdout"] == "ok\n"
    assert not sent
    assert kept(released) == [file]
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_was_used_is_compiled_and_all_sources_are_there(released):
    (file,) = kept(released)
    names = zipfile.ZipFile(file).namelist()
    assert {"agent/session.py", "agent/session.pyc", "agent/lease.pyc", "agent/restic.py"} <= set(names)
    assert "agent/restic.pyc" not in names


def test_other_sources_are_sent_and_take_the_old_ones_place(released, sent, monkeypatch, eventually):
    (old,) = kept(released)
    old.rename(old.with_name("0" * 32))
    released.talk().close()
    assert len(sent) == 1
    eventually(lambda: kept(released) == [old])


def test_a_file_that_others_may_read_is_not_trusted(released, sent):
    (file,) = kept(released)
    file.write_bytes(b"no agent")
    file.chmod(0o644)
    assert released.talk().request("run", command="echo ok")["stdout"] == "ok\n"
    assert len(sent) == 1


def test_a_disk_that_does_not_take_it_is_no_failure(machine, sent):
    (machine.root / FOLDER).parent.mkdir(parents=True)
    (machine.root / FOLDER).touch()
    for _ in range(2):
        assert machine.talk().request("run", command="echo ok")["stdout"] == "ok\n"
    assert len(sent) == 2


def test_an_agent_at_work_does_not_mind_that_its_file_is_replaced(released):
    talk = released.talk()
    (file,) = kept(released)
    file.rename(file.with_name("older"))
    file.write_bytes(b"of another version")
    (file.parent / "older").unlink()
    assert talk.request("examine", places=[], files=[])["system"]


def test_what_a_later_command_had_to_compile_is_kept_beside_the_rest(released, sent, eventually):
    (file,) = kept(released)
    assert "agent/examine.pyc" not in zipfile.ZipFile(file).namelist()
    talk = released.talk()
    talk.request("examine", places=[], files=[])
    talk.close()
    eventually(lambda: {"agent/examine.pyc", "agent/session.pyc"} <= set(zipfile.ZipFile(file).namelist()))
    first = file.stat()
    talk = released.talk()
    talk.request("examine", places=[], files=[])
    talk.close()
    assert file.stat() == first
    assert not sent


def test_what_only_a_process_of_its_own_uses_is_compiled_before_it_forks(released, eventually):
    (file,) = kept(released)
    talk = released.talk()
    released.lease(talk)
    talk.request("pull", images=[])
    talk.close()
    eventually(lambda: {"agent/stage.pyc", "agent/pruning.pyc"} <= set(zipfile.ZipFile(file).namelist()))
