"""What the operator sees while a command runs."""

import re
import sys
import time

import pytest

from gateway import console
from gateway.console import Reporter


def test_a_step_is_said_when_it_begins_and_how_long_it_took(capsys, monkeypatch):
    monkeypatch.setattr(console, "WORTH_A_LINE", 0)
    reporter = Reporter()
    with reporter.step("app1", "switch to 3-abc"):
        begun = capsys.readouterr().err
    ended = capsys.readouterr().err
    assert "app1" in begun
    assert "switch to 3-abc" in begun
    assert re.search(r"done in \d\.\d s", ended)
    assert [(step.host, step.text) for step in reporter.steps] == [("app1", "switch to 3-abc")]


def test_a_step_that_fails_says_so_and_is_kept(capsys, monkeypatch):
    monkeypatch.setattr(console, "WORTH_A_LINE", 0)
    reporter = Reporter()
    with pytest.raises(ValueError, match="no"), reporter.step("app1", "pull"):
        raise ValueError("no")
    assert "failed after" in capsys.readouterr().err
    with reporter.step("app1", "go back"):
        pass
    assert [step.failed for step in reporter.steps] == [True, False]
    assert 0 <= reporter.steps[0].started <= reporter.steps[1].started


def test_only_the_seconds_of_a_line_are_dim(capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    Reporter().events("app1", {"event": "healthy", "service": "web"})
    shown = capsys.readouterr().err
    assert re.search(r"\x1b\[2m +0\.0s  \x1b\[0m\x1b\[36mapp1 ", shown)
    assert "\x1b[32m  web is healthy\x1b[0m" in shown


def test_long_work_is_never_silent(capsys, monkeypatch):
    monkeypatch.setattr(console, "SILENCE", 0.02)
    shown, until = "", time.monotonic() + 60
    with Reporter().step("app1", "pull"):
        while "still: pull" not in shown and time.monotonic() < until:
            time.sleep(0.01)
            shown += capsys.readouterr().err
    assert "still: pull" in shown


def test_quiet_keeps_the_steps_and_prints_nothing(capsys):
    reporter = Reporter(quiet=True)
    with reporter.step("app1", "pull"):
        reporter.events("app1", {"event": "healthy", "service": "web"})
    assert capsys.readouterr().err == ""
    assert len(reporter.steps) == 1


def test_progress_is_thinned_and_health_is_not(capsys):
    reporter = Reporter()
    for number in range(5):
        reporter.events("app1", {"event": "progress", "text": f"layer {number}"})
        reporter.events("app1", {"event": "healthy", "service": f"s{number}"})
    shown = capsys.readouterr().err
    assert shown.count("layer") == 1
    assert shown.count("is healthy") == 5


class Gone:
    """An output that nobody reads any more, or that has no room."""

    def __init__(self, error):
        self.error = error

    def write(self, _):
        raise self.error

    flush = isatty = fileno = lambda self: 0


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "Input/output error"), OSError(28, "No space left")])
def test_work_goes_on_when_nobody_reads_what_is_said_of_it(monkeypatch, error):
    monkeypatch.setattr(sys, "stderr", Gone(error))
    reporter = Reporter()
    for text in ("switch to 3-abc", "verify"):
        with reporter.step("app1", text):
            pass
    assert [(step.text, step.failed) for step in reporter.steps] == [("switch to 3-abc", False), ("verify", False)]
