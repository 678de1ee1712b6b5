"""The fleet's table again and again."""

from __future__ import annotations

import json

import pytest

from gateway.commands import watch as module
from gateway.commands.watch import watch
from tests.unit.situations import release, running, service
from tests.unit.talks import Talk, project


@pytest.fixture
def inventory(tmp_path, monkeypatch):
    """Return an inventory with two hosts that answer, and let Ctrl-C come with the third look."""
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(module.time, "sleep", sleep)
    seen = running(release(service("jawn")))
    return project(tmp_path, monkeypatch, {name: Talk({"snapshot": seen}) for name in ("app1", "data1")}).inventory


def test_it_shows_hosts_that_do_not_answer_and_ends_cleanly(inventory, capsys):
    assert watch(inventory, as_json=False) is None
    shown = capsys.readouterr().out
    assert shown.count("app2: connect: no connection: timed out") == 3
    assert shown.count("Ctrl-C ends it") == 3
    assert "\x1b" not in shown  # not a terminal


def test_with_json_each_look_is_a_line(inventory, capsys):
    watch(inventory, as_json=True)
    looks = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [one["hosts"]["app2"]["state"] for one in looks] == ["unreachable"] * 3
    assert looks[0]["hosts"]["app1"]["state"] == "ok"
