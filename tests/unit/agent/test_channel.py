"""The line protocol, and work that outlives the connection."""

from __future__ import annotations

import json
import os
import select
import signal

import pytest

from gateway.agent.channel import Channel, run_detached
from gateway.agent.failure import StepFailed


class Ends:
    """A channel and the controller's ends of its two pipes."""

    def __init__(self) -> None:
        incoming, self.to_agent = os.pipe()
        self.from_agent, outgoing = os.pipe()
        self.channel = Channel(incoming, outgoing)

    def lines(self):
        os.close(self.channel.outgoing)
        with os.fdopen(self.from_agent, "rb") as file:
            return [json.loads(line) for line in file]


class Heard:
    """Notes when something was heard of the controller whether it is still there; work can wait for that."""

    def __init__(self, channel) -> None:
        self.channel = channel
        self.open = []
        self._reading, self._writing = os.pipe()

    def __call__(self) -> None:
        self.open.append(self.channel.open)
        os.write(self._writing, b"1")

    def wait(self) -> None:
        assert select.select([self._reading], [], [], 60)[0]


@pytest.fixture
def ends():
    return Ends()


def nothing(*_):
    """Do nothing."""


def test_requests_and_payloads_come_as_they_were_sent(ends):
    os.write(ends.to_agent, b'{"verb": "stage", "payload_bytes": 4}\na\n\nb{"verb": "ping"}\n')
    os.close(ends.to_agent)
    requests = ends.channel.requests()
    assert next(requests)["verb"] == "stage"
    assert ends.channel.payload(4, nothing) == b"a\n\nb"
    assert next(requests) == {"verb": "ping"}
    assert list(requests) == []
    assert not ends.channel.open


def test_a_controller_that_is_silent_for_too_long_counts_as_gone(ends):
    os.write(ends.to_agent, b'{"verb": "ping"}\n')
    ends.channel.patience = 0.05
    assert list(ends.channel.requests()) == [{"verb": "ping"}]
    assert not ends.channel.open


def test_a_payload_cut_short_is_refused(ends):
    os.write(ends.to_agent, b"half")
    os.close(ends.to_agent)
    with pytest.raises(StepFailed, match="ended inside an upload"):
        ends.channel.payload(8, nothing)


def test_the_lease_can_be_kept_during_a_long_upload(ends):
    os.write(ends.to_agent, b"12345678")
    heard = []
    ends.channel.payload(8, lambda: heard.append(1))
    assert heard


def test_a_controller_that_is_gone_is_no_error(ends):
    os.close(ends.from_agent)
    ends.channel.emit(event="progress")
    assert not ends.channel.open


def test_events_and_result_of_a_worker(ends):
    started = []

    def work(emit):
        emit(event="step", text="one")
        return {"process": os.getpid(), "leader": os.getsid(0) == os.getpid()}

    outcome = run_detached(ends.channel, work, started.append, nothing)
    assert outcome == {"done": True, "result": {"process": started[0], "leader": True}}
    assert ends.lines() == [{"event": "step", "text": "one"}]


def test_more_events_than_a_pipe_holds(ends, monkeypatch):
    received = []
    monkeypatch.setattr(ends.channel, "emit", lambda **message: received.append(message["number"]))

    def work(emit):
        for number in range(2000):
            emit(event="progress", number=number, text="x" * 200)
        return {}

    assert run_detached(ends.channel, work, nothing, nothing)["done"]
    assert received == list(range(2000))


def test_a_failure_arrives_with_step_kind_and_logs(ends):
    def work(_):
        raise StepFailed("start jawn", "jawn exited", kind="doubt", logs=["last line"])

    outcome = run_detached(ends.channel, work, nothing, nothing)
    expected = {"step": "start jawn", "message": "jawn exited", "kind": "doubt", "logs": ["last line"]}
    assert outcome == {"done": False, "error": expected}


def test_a_defect_is_reported(ends):
    outcome = run_detached(ends.channel, lambda _: {}["missing"], nothing, nothing)
    assert outcome["error"]["message"] == "KeyError: 'missing'"


def test_a_killed_worker_leaves_doubt(ends):
    outcome = run_detached(ends.channel, lambda _: os.kill(os.getpid(), signal.SIGKILL), nothing, nothing)
    assert outcome["error"]["kind"] == "doubt"
    assert "killed" in outcome["error"]["message"]


def test_work_that_cannot_be_noted_never_begins(ends, tmp_path):
    def full_disk(_):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run_detached(ends.channel, lambda _: (tmp_path / "done").touch(), full_disk, nothing)
    assert not (tmp_path / "done").exists()


def test_what_the_controller_sends_meanwhile_waits(ends):
    """A heartbeat is heard at once; nothing that comes with it is lost."""
    os.write(ends.to_agent, b'{"verb": "ping"}\n{"verb": "record"}\n')
    heard = Heard(ends.channel)

    def work(_):
        heard.wait()
        return {}

    assert run_detached(ends.channel, work, nothing, heard)["done"]
    assert heard.open == [True]
    os.close(ends.to_agent)
    assert [request["verb"] for request in ends.channel.requests()] == ["ping", "record"]


def test_the_end_of_the_connection_is_heard_and_the_work_goes_on(ends, tmp_path):
    os.close(ends.to_agent)
    os.close(ends.from_agent)
    heard = Heard(ends.channel)

    def work(emit):
        heard.wait()
        emit(event="progress")
        (tmp_path / "done").touch()
        return {}

    assert run_detached(ends.channel, work, nothing, heard)["done"]
    assert heard.open == [False]
    assert (tmp_path / "done").exists()
