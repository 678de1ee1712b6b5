"""Every runbook can be followed: its commands exist, its test types them, and what it shows leads to it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gateway.runbooks import FOLDER, about
from tasks import namespace
from tests.lab import runbook
from tests.lab.runbook import HEADINGS, LOOKS, PAGES, commands, filled, invocations, missing, placeholders, shown

ROOT = Path(__file__).resolve().parents[2]
TESTS = sorted((ROOT / "tests" / "lab").glob("test_runbooks*.py"))
NAMES = runbook.names()
ASKED_FOR = {
    "gateway-unreachable", "requests-not-in-the-ui", "ui-redirects", "disk-full", "postgres-down", "clickhouse-down",
    "lost-controller", "lost-host", "leaked-key", "failed-migration", "certificate", "restore-from-nothing",
}  # fmt: skip


def called(function: str) -> set[tuple[str, ...]]:
    """Return the texts that a function is called with in the end-to-end tests."""
    known = {"TYPED": runbook.TYPED}
    return {
        tuple(one.value if isinstance(one, ast.Constant) else known[one.id] for one in call.args)  # type: ignore[misc]
        for test in TESTS
        for call in ast.walk(ast.parse(test.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == function
    }


def test_there_is_a_page_for_each_thing_that_goes_wrong_and_the_index_names_it():
    assert set(NAMES) == ASKED_FOR
    index = (PAGES / "README.md").read_text()
    assert set(re.findall(r"\]\(([a-z-]+)\.md\)", index)) == ASKED_FOR


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_short_and_has_its_parts_in_order(name: str):
    text = (PAGES / f"{name}.md").read_text()
    assert len(text.splitlines()) < 120
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == HEADINGS


@pytest.mark.parametrize("name", NAMES)
def test_every_section_with_commands_is_followed_on_the_lab(name: str):
    followed = called("follow")
    typed = [block for page, section in followed for block in commands(page, section)]
    for section in runbook.sections(name):
        # What stands word for word in a section that is followed needs no second time.
        left = [] if (name, section) in followed else [b for b in commands(name, section) if b not in typed]
        assert not left or section == runbook.OVER, f"{name}, {section}"
    assert (name,) in called("over"), f"nothing tells that {name} is over"


@pytest.mark.parametrize("name", [name for name in NAMES if shown(name)])
def test_what_a_page_shows_is_looked_for_on_the_lab(name: str):
    assert name in {words[0] for words in called("looks")}


@pytest.mark.parametrize("name", [*NAMES, "README"])
def test_every_command_has_its_verb_and_flags(name: str):
    blocks = [block for section in runbook.sections(name) for block in commands(name, section)]
    if name == "README":
        blocks = re.findall(r"^```sh\n(.*?)^```$", (PAGES / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [words for block in blocks for words in invocations(block)]
    lines += [words for section in runbook.sections(name) for one in shown(name, section)
              for words in invocations(one.command)]  # fmt: skip
    assert lines
    for _, verb, *rest in lines:
        assert verb in namespace.task_names, f"{name}: {verb}"
        known = {flag for argument in namespace[verb].get_arguments() for flag in argument.names}
        ours = rest[: rest.index("--")] if "--" in rest else rest
        for flag in (word.removeprefix("--") for word in ours if word.startswith("--")):
            assert flag in known or f"{flag}_" in known, f"{name}: {verb} --{flag}"
        assert "--env" in ours, f"{name}: {verb} without --env"


@pytest.mark.parametrize("name", NAMES)
def test_every_word_to_fill_in_is_explained(name: str):
    text = (PAGES / f"{name}.md").read_text()
    wanted = {word for section in runbook.sections(name) for block in commands(name, section)
              for word in placeholders(block)}  # fmt: skip
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    assert wanted <= set(re.findall(r"`([A-Z]{2,})(?:`|/)", prose))


@pytest.mark.parametrize(
    ("sentence", "page"),
    [
        ("app1: connect to root@10.0.0.1 port 22: no connection: timed out", "lost-host"),
        ("app1: only 0.42 GB of disk are free for releases, expected 1", "disk-full"),
        ("data1: PostgreSQL does not answer: container db is exited", "postgres-down"),
        ("drifted: db (it is exited)", "postgres-down"),
        ("drifted: clickhouse (not there)", "clickhouse-down"),
        ("data1: ClickHouse does not answer: timed out", "clickhouse-down"),
        ("1 PostgreSQL migrations were applied and stay (x.sql)", "failed-migration"),
        ("app1: web answers /signin with 308 to us.helicone.ai, expected 200", "ui-redirects"),
        ("app1: the gateway port's certificate ends in -2 hours, expected over 336", "certificate"),
        ("drifted: gateway (it is exited)", "gateway-unreachable"),
        ("app1: request 1 is not shown by Helicone's API after 60 s: it was answered and not recorded",
         "requests-not-in-the-ui"),
        ("app1: 17 records wait, the oldest for 700 s; nothing is lost yet", "requests-not-in-the-ui"),
    ],
)  # fmt: skip
def test_what_is_found_names_its_page(sentence: str, page: str):
    assert about([sentence]) == [f"{FOLDER}/{page}.md"]


def test_causes_come_before_what_follows_and_what_has_no_page_names_none():
    found = about(["3 records wait", "container gateway is exited", "no connection: refused", "no connection: refused"])
    assert found == [f"{FOLDER}/{page}.md" for page in ("lost-host", "gateway-unreachable", "requests-not-in-the-ui")]
    assert about(["ok", "drifted: egress (it is exited)"]) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_a_page_shows_leads_to_it(name: str):
    lines = [line for one in shown(name, LOOKS) for line in one.lines]
    page = "lost-host" if name == "restore-from-nothing" else name  # which leads on to it
    assert not lines or f"{FOLDER}/{page}.md" in about(lines), lines


def test_commands_are_read_as_a_shell_would():
    block = "invoke a --env mine  # what for\ncat x | invoke b --name 'two words' < FILE && ls\n$ invoke c\n"
    assert list(invocations(block)) == [
        ["invoke", "a", "--env", "mine"], ["invoke", "b", "--name", "two words"],
    ]  # fmt: skip


def test_words_are_filled_in_and_one_without_a_value_is_an_error():
    line = "invoke x --env mine --host HOST < ~/.config/helicone/age.key"
    assert filled(line, {"HOST": "app1"}, "lab", "k") == "invoke x --env lab --host app1 < k"
    with pytest.raises(KeyError):
        filled(line, {}, "lab", "k")


def test_what_was_printed_may_be_wrapped():
    assert missing(("a b", "c d"), "  a\n   b c\n") == ["c d"]
