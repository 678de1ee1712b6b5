"""Work on a host that outlives its session, its controller, or its controller's patience."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from gateway.agent import lease as leases
from gateway.agent.store import Store
from gateway.errors import UnreachableError
from gateway.transport import streams
from gateway.transport.conversation import AgentError


def holder(machine):
    return leases.show(Store(str(machine.root)))


def working(machine, eventually, **more):
    """Return a conversation whose agent is at work in a process of its own, and the thread that waits for it."""
    conversation = machine.talk()
    machine.lease(conversation)
    outcome = []

    def ask():
        try:
            conversation.request("prepare", engine=True, **more)
        except (AgentError, UnreachableError) as error:
            outcome.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    eventually(machine.began.exists)
    assert holder(machine)["working"]
    return conversation, thread, outcome


@pytest.mark.fault("F3")
def test_work_survives_the_killing_of_its_session_and_keeps_the_lease_until_it_is_done(machine, eventually):
    conversation, thread, outcome = working(machine, eventually)
    machine.kill(conversation)
    thread.join()
    assert isinstance(outcome[0], UnreachableError)
    eventually(lambda: holder(machine)["orphaned"])
    other = machine.talk()
    with pytest.raises(AgentError) as caught:
        machine.lease(other, "bob")
    assert caught.value.kind == "orphaned"
    assert not machine.done.exists()
    machine.go.touch()
    eventually(lambda: holder(machine) is None)
    assert machine.done.exists()
    machine.lease(other, "bob")


def test_work_whose_controller_is_gone_is_orphaned_and_finishes(machine, eventually):
    conversation, thread, _ = working(machine, eventually)
    os.close(conversation.stream.process.stdin.fileno())
    eventually(lambda: holder(machine)["orphaned"])
    machine.go.touch()
    thread.join()
    eventually(lambda: holder(machine) is None)
    assert machine.done.exists()
    conversation.stream.process.stdin = open(os.devnull, "wb")  # noqa: SIM115, PTH123 - closed by the fixture


def test_closing_does_not_wait_for_work(machine, eventually, monkeypatch):
    monkeypatch.setattr(streams, "GOODBYE", 0.2)
    conversation, thread, _ = working(machine, eventually)
    conversation.close()
    thread.join(60)
    assert not thread.is_alive()
    assert holder(machine)["working"]
    assert not machine.done.exists()


def test_a_busy_conversation_takes_no_second_request(machine, eventually):
    conversation, thread, outcome = working(machine, eventually)
    with pytest.raises(UnreachableError, match="still at work"):
        conversation.request("run", command="true")
    machine.go.touch()
    thread.join()
    assert "apt-get update ended with code 1" in str(outcome[0])
    assert conversation.request("run", command="echo next")["stdout"] == "next\n"


def test_after_a_request_that_was_given_up_the_next_gets_its_own_answer(machine):
    conversation = machine.talk()
    machine.lease(conversation)
    machine.go.touch()

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conversation.request("prepare", interrupt, engine=True)
    assert conversation.request("run", command="echo next")["stdout"] == "next\n"


def test_secrets_of_a_request_are_in_no_argument(machine, eventually):
    conversation, thread, _ = working(machine, eventually, secrets={"postgres": "hunter22hunter22"})
    eventually(lambda: "apt-get update" in arguments())
    shown = arguments()
    machine.go.touch()
    thread.join()
    assert conversation.round_trips == 3
    assert "hunter22" not in shown


def arguments():
    """Return the arguments of all processes of this machine."""
    shown = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            shown.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(shown)
