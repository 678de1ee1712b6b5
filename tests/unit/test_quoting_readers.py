"""Texts that are quoted for another program: the real one reads back what went in."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agent import commands
from gateway.agent.logins import _name, _text
from gateway.agent.store import read_env
from gateway.commands.stores import literal
from gateway.render.quoting import quote_env
from gateway.verify.backend import ConversationBackend, file_commands
from tests.examples import examples

TEXTS = st.text(
    st.sampled_from("\\\"'$`#{}()<>|&;:-=!@*? \n\t~éE中😀\u0085\u2028\x1b")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=20,
)
SHELLS = ("/bin/sh", "/bin/bash")


@settings(max_examples=examples(15))
@given(st.lists(TEXTS, min_size=1, max_size=20), st.sampled_from(SHELLS))
def test_a_shell_reads_what_was_quoted_for_it(texts, shell):
    command = "printf '%s\\0' " + " ".join(map(shlex.quote, texts))
    done = subprocess.run([shell, "-c", command], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == texts


class Host:
    """A host that does what the agent does."""

    def request(self, verb, **arguments):
        assert verb == "run_all"
        return {"results": commands.run_all(arguments["commands"])}


@settings(max_examples=examples(10))
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_commands_sent_together_answer_as_each_by_itself(texts):
    typed = [f"printf %s {shlex.quote(text)}" for text in texts]
    backend = ConversationBackend("app1", Host())
    backend.ahead(typed)
    assert [backend.run(command).stdout for command in typed] == texts
    assert backend.messages == 1


@settings(max_examples=examples(10))
@given(name=st.text(st.sampled_from("ab $'\"\\;&|*?\n-é"), min_size=1, max_size=12))
def test_a_files_name_may_hold_anything(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("names")
    (folder / name).write_text("content")
    for command in file_commands(str(folder / name)):
        assert commands.run_all([command]) == [commands.run(command)], command
        assert commands.run(command)["code"] == 0


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,6}", fullmatch=True), TEXTS, max_size=4))
def test_the_agent_reads_an_env_file_as_it_was_written(values):
    text = "".join(f"{name}={quote_env(value)}\n" for name, value in values.items())
    assert read_env(text) == values


def postgres_literal(text: str, place: int) -> tuple[str, int]:
    """Read a literal as PostgreSQL's lexer does (manual, 4.1.2.1 and 4.1.2.2) and return it and where it ends."""
    escapes = text[place] == "E"
    place += 2 if escapes else 1
    found = ""
    while True:
        if escapes and text[place] == "\\":
            found += text[place + 1]  # only `\\\\` is ever written
            assert text[place + 1] == "\\"
            place += 2
        elif text[place] == "'":
            if text[place + 1 : place + 2] != "'":
                return found, place + 1
            found += "'"
            place += 2
        else:
            found += text[place]
            place += 1


@pytest.mark.parametrize("quote", [literal, _text])
@given(text=TEXTS)
def test_postgres_reads_a_literal_back_and_nothing_behind_it(quote, text):
    statement = f"select {quote(text)};"
    assert postgres_literal(statement, 7) == (text, len(statement) - 1)


@given(text=TEXTS)
def test_a_quoted_identifier_ends_where_it_should(text):
    assert _name(text)[0] == _name(text)[-1] == '"'
    assert _name(text)[1:-1].replace('""', "").count('"') == 0
    assert _name(text)[1:-1].replace('""', '"') == text


@given(st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_what_travels_to_the_agent_is_one_line(values):
    line = json.dumps(values)
    assert len(line.splitlines()) == 1
    assert json.loads(line) == values
