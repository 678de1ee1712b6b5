"""The command line itself."""

from __future__ import annotations

import builtins
import gc
import json
import subprocess
import sys

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

import tasks
from gateway import verb
from gateway.errors import ConfigurationError, LockedError
from gateway.verb import Ended
from tests.unit.situations import PROJECT

SLOW = ("fabric", "paramiko", "pydantic", "jinja2", "rich", "pytest", "gateway.inventory")


@pytest.mark.parametrize("name", tasks.namespace.task_names)
def test_every_verb_and_every_flag_has_its_words_and_every_verb_offers_json(name):
    task = tasks.namespace[name]
    flags = {flag.names[0]: flag.help for flag in task.get_arguments()}
    assert task.__doc__
    assert [flag for flag, words in flags.items() if not words] == []
    assert {"json_", "json-", "json"} & flags.keys()
    assert {"debug"} <= flags.keys()


def test_the_verbs_of_the_first_page():
    names = set(tasks.namespace.task_names)
    assert {"plan", "deploy", "verify", "rollback", "status", "history", "unlock", "render", "inventory"} <= names
    assert {"secrets.edit", "images.lock", "hosts.trust", "lab.up", "lab.down", "lab.status"} <= names
    assert {"logs", "exec", "drift", "usage", "apikey.create", "apikey.list", "apikey.revoke"} <= names
    assert {"user.create", "user.list"} <= names


def test_a_command_seldom_looks_for_garbage():
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        verb.verb()(lambda context: None)(Context())
        assert gc.get_threshold() == (verb.GARBAGE_AFTER, 10, 10)
    finally:
        gc.set_threshold(*before)


def test_listing_imports_nothing_slow():
    code = (
        "import sys; from invoke.main import program;\n"
        "try: program.run(['invoke', '--list'])\n"
        "except SystemExit as end: print('ended', end.code)\n"
        f"print('slow', sorted(name for name in {SLOW!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "deploy" in done.stdout
    assert done.stdout.endswith("slow []\n")


def test_flags_are_named_without_underscores():
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "--help", "deploy"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    for flag in ("--env=", "--set ", "--limit=", "--yes", "--json", "--debug"):
        assert f" {flag}" in done.stdout


def failing(**options):
    @tasks.verb()
    def fail(context, json_=False, debug=False):
        """Fail."""
        raise LockedError("ann is running `deploy`", where="app1: lease", next_step="wait")

    return fail.body(None, **options)


def test_an_error_is_a_sentence_and_its_own_exit_code(capsys):
    with pytest.raises(Exit) as caught:
        failing()
    assert caught.value.code == 4
    shown = capsys.readouterr()
    assert shown.err == "app1: lease: ann is running `deploy`\n  next: wait\n"
    assert shown.out == ""


def test_an_error_as_json(capsys):
    with pytest.raises(Exit):
        failing(json_=True)
    assert '"exit_code": 4' in capsys.readouterr().out


@pytest.mark.parametrize(("code", "printed"), [(0, '{"n": 1}'), (4, '{"n": 1}')])
def test_a_result_may_come_with_an_exit_code_of_its_own(capsys, code, printed):
    @tasks.verb()
    def end(context, json_=False, debug=False):
        """End."""
        return Ended({"n": 1}, code)

    try:
        end.body(None, json_=True)
        ended = 0
    except Exit as found:
        ended = found.code
    assert ended == code
    assert json.loads(capsys.readouterr().out) == json.loads(printed)


def test_a_verb_that_printed_everything_itself_prints_no_null(capsys):
    @tasks.verb()
    def follow(context, json_=False, debug=False):
        """Follow."""

    follow.body(None, json_=True)
    assert capsys.readouterr().out == ""


def test_debug_shows_the_traceback():
    with pytest.raises(LockedError):
        failing(debug=True)


class Terminal:
    """A standard input that is, or is not, a terminal."""

    def __init__(self, there):
        self.there = there

    def isatty(self):
        return self.there


@pytest.mark.parametrize(
    ("typed", "answer"), [("y", True), (" YES ", True), ("", False), ("n", False), ("yeah", False)]
)
def test_only_yes_is_yes(monkeypatch, typed, answer):
    monkeypatch.setattr(sys, "stdin", Terminal(there=True))
    monkeypatch.setattr(builtins, "input", lambda: typed)
    assert tasks.confirm("Deploy this?", yes=False) is answer


def test_the_question_is_not_among_the_results(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal(there=True))
    monkeypatch.setattr(builtins, "input", lambda *prompt: print(*prompt, end="") or "y")
    assert tasks.confirm("Deploy this?", yes=False) is True
    assert capsys.readouterr() == ("", "Deploy this? [y/N] ")


def test_the_end_of_input_is_no(monkeypatch):
    def end():
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Terminal(there=True))
    monkeypatch.setattr(builtins, "input", end)
    assert tasks.confirm("Deploy this?", yes=False) is False


@pytest.mark.parametrize("stream", [Terminal(there=False), None])
def test_without_a_terminal_nobody_is_asked_and_the_command_fails(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdin", stream)
    with pytest.raises(ConfigurationError, match="Deploy this") as caught:
        tasks.confirm("Deploy this?", yes=False)
    assert "--yes" in caught.value.next_step
    assert tasks.confirm("Deploy this?", yes=True) is True


def test_what_is_only_offered_is_not_done_without_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal(there=False))
    assert verb.offer("Remove these?", yes=False) is False
    assert "use --yes" in capsys.readouterr().err
    assert verb.offer("Remove these?", yes=True) is True
