"""Programs whose output goes to the controller for as long as it listens."""

from __future__ import annotations

import os

import pytest

from gateway.agent.channel import Channel
from gateway.agent.relay import Relay


@pytest.fixture
def line():
    """Return the controller's end and the channel; the controller is gone when its end is closed."""
    reading, writing = os.pipe()
    null = os.open(os.devnull, os.O_WRONLY)
    ends = {"controller": writing}
    yield ends, Channel(reading, null)
    for descriptor in (reading, null, *ends.values()):
        os.close(descriptor)


def relayed(channel, *scripts, again=None):
    seen = []
    relay = Relay(channel, lambda *item: seen.append(item))
    for number, script in enumerate(scripts):
        relay.start(str(number), ["/bin/sh", "-c", script])
    return relay.run(again), seen


def test_lines_come_with_their_stream_and_the_codes_at_the_end(line):
    codes, seen = relayed(line[1], "echo one; echo two >&2; printf three; exit 3", "exit 0")
    assert codes == {"0": 3, "1": 0}
    assert sorted(seen) == [("0", "stderr", "two\n"), ("0", "stdout", "one\n"), ("0", "stdout", "three")]


def test_bytes_that_are_no_text_and_long_output_pass(line):
    codes, seen = relayed(line[1], "printf '\\377\\n'; head -c 300000 /dev/zero | tr '\\0' x")
    assert codes == {"0": 0}
    assert seen[0][2] == "\ufffd\n"
    assert sum(len(text) for _, _, text in seen[1:]) == 300000


def test_a_controller_that_is_gone_ends_them(line):
    ends, channel = line
    os.close(ends.pop("controller"))
    codes, _ = relayed(channel, "sleep 600")
    assert codes == {"0": -9}


def test_with_more_to_come_it_goes_on_after_the_last_one_ended(line):
    ends, channel = line
    seen, rounds = [], []
    relay = Relay(channel, lambda *item: seen.append(item[2]))

    def again():
        rounds.append(relay.running("x"))
        if len(rounds) == 2:
            relay.start("x", ["/bin/sh", "-c", "echo more"])
        elif "more\n" in seen:
            os.close(ends.pop("controller"))

    relay.start("x", ["/bin/sh", "-c", "echo first"])
    relay.run(again, every=0.01)
    assert seen == ["first\n", "more\n"]
