"""Logs of all hosts in one stream."""

from __future__ import annotations

import json
import queue
import re
import threading

import pytest

from gateway.commands import logs as module
from gateway.commands.logs import logs
from gateway.errors import ConfigurationError, UnreachableError
from tests.unit.situations import release, running, service
from tests.unit.talks import OWN_KEY, Talk, project

SEEN = running(release(service("jawn"), service("web")))


def line(second, service_, text):
    return [f"2026-01-01T10:00:{second:02d}.000000000Z", service_, text]


@pytest.fixture
def talks():
    return {
        "app1": Talk({"snapshot": SEEN, "logs": {"lines": [line(1, "jawn", "one"), line(3, "web", "three")]}}),
        "app2": Talk({"snapshot": SEEN, "logs": {"lines": [line(2, "jawn", f"two {OWN_KEY} \x1b[31mred\x1b[0m\x07")]}}),
        "data1": Talk({"snapshot": SEEN, "logs": {"lines": []}}),
    }


@pytest.fixture
def ours(tmp_path, monkeypatch, talks):
    return project(tmp_path, monkeypatch, talks)


def show(ours, service_="", since="1h", grep="", lines="200", follow=False, as_json=False):
    return logs(ours, service_, since, grep, lines, follow, as_json)


def test_lines_of_all_hosts_are_merged_by_time_and_hold_no_secret(ours, capsys):
    result = show(ours)
    assert [(one["host"], one["text"]) for one in result["lines"]] == [
        ("app1", "one"), ("app2", "two [redacted] red"), ("app1", "three")
    ]  # fmt: skip
    printed = capsys.readouterr().out.splitlines()
    assert [text.split()[2:4] for text in printed] == [["app1", "jawn"], ["app2", "jawn"], ["app1", "web"]]
    assert OWN_KEY not in str(printed)
    assert "\x1b" not in str(printed)


def test_on_a_terminal_each_host_and_each_service_has_a_colour_of_its_own(ours, capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    show(ours)
    printed = capsys.readouterr().out
    colours = [set(re.findall(rf"\x1b\[(\d+)m{name} ", printed)) for name in ("app1", "app2", "jawn", "web")]
    assert [len(one) for one in colours] == [1, 1, 1, 1]  # the same in every line
    assert colours[0] != colours[1]
    assert colours[2] != colours[3]
    for text in ("one", "two [redacted] red", "three"):
        assert re.search(rf"\x1b\[0m{re.escape(text)}\n", printed), "what a container says has no colour of ours"


def test_the_limit_is_of_all_hosts_together(ours):
    assert [one["text"] for one in show(ours, lines="1", as_json=True)["lines"]] == ["three"]


def test_hosts_are_asked_for_what_was_asked_for(ours, talks):
    show(ours, "web", "10m", "GET|POST", "5")
    verb, asked = talks["app1"].asked[-1]
    assert verb == "logs"
    assert asked == {
        "project": "helicone-trial", "services": ["web"], "since": 600, "grep": "GET|POST", "limit": 5, "follow": False
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"service_": "wbe"}, "no service `wbe`"),
        ({"since": "soon"}, "no length of time"),
        ({"grep": "("}, "no regular expression"),
        ({"lines": "0"}, "`0` is no number of lines"),
        ({"lines": "many"}, "`many` is no number of lines"),
        ({"lines": "1000000"}, "no number of lines"),
    ],
)
def test_what_cannot_be_is_refused(ours, given, problem):
    with pytest.raises(ConfigurationError, match=problem):
        show(ours, **given)


def test_the_others_are_shown_when_a_host_does_not_answer(tmp_path, monkeypatch, talks, capsys):
    del talks["app2"]
    with pytest.raises(UnreachableError, match="1 of 3 hosts") as caught:
        show(project(tmp_path, monkeypatch, talks))
    assert [one["text"] for one in caught.value.report["lines"]] == ["one", "three"]
    captured = capsys.readouterr()
    assert "three" in captured.out
    assert "app2: connect: no connection" in captured.err


def test_followed_lines_are_printed_as_they_come_until_ctrl_c(ours, talks, monkeypatch, capsys):
    """One host sends lines, the others wait; the wait for more is interrupted once all were shown."""
    done = threading.Event()
    told = []

    def follow(on_event, **_):
        on_event({"lines": [line(2, "jawn", f"later {OWN_KEY}"), line(1, "jawn", "sooner")]})
        done.wait(60)

    def wait(*_, **__):
        done.wait(60)

    for name, talk in talks.items():
        talk.answers["logs"] = follow if name == "app1" else wait

    def together(coming):
        if told:
            raise KeyboardInterrupt
        told.append(1)
        yield coming.get(timeout=60)

    monkeypatch.setattr(module, "_together", together)
    assert show(ours, follow=True, as_json=True) is None
    done.set()
    printed = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [(one["host"], one["text"]) for one in printed] == [("app1", "sooner"), ("app1", "later [redacted]")]
    assert all(talk.closed for talk in talks.values())


def test_a_host_that_is_lost_while_it_is_followed_is_named_and_the_code_is_3(ours, talks, capsys, monkeypatch):
    for talk in talks.values():
        talk.answers["logs"] = UnreachableError("the connection was lost: reset", where="app1: logs")
    with pytest.raises(UnreachableError, match="3 of 3 hosts did not answer, or no longer"):
        show(ours, follow=True)
    assert "the connection was lost" in capsys.readouterr().err


def test_what_comes_together_is_taken_together(monkeypatch):
    monkeypatch.setattr(module, "_TOGETHER", 0)
    coming = queue.Queue()
    for number in range(3):
        coming.put(number)
    assert list(module._together(coming)) == [0, 1, 2]  # noqa: SLF001
