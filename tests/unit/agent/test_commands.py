"""Commands of a verification: what is answered without a process is what the shell would have said."""

from __future__ import annotations

import shlex

import pytest

from gateway.agent import commands
from gateway.verify.backend import file_commands


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "it's a file"
    made.write_bytes(b"text\n\xff")
    made.chmod(0o640)
    return made


def test_a_file_that_is_there_is_answered_without_a_process_and_in_the_shells_words(file, monkeypatch):
    typed = file_commands(str(file))
    said = [commands.run(command) for command in typed]
    monkeypatch.setattr(commands, "run", pytest.fail)
    assert commands.run_all(typed) == said
    assert said[1]["stdout"] == "640\n"


def test_a_folder_and_a_link_are_as_the_shell_sees_them(file, tmp_path):
    (tmp_path / "link").symlink_to(file)
    for path in (tmp_path, tmp_path / "link"):
        for command in file_commands(str(path)):
            assert commands.run_all([command]) == [commands.run(command)], command


@pytest.mark.parametrize("name", ["gone", "gone/inner", "dangling", "a\\b", "a\nb"])
def test_whatever_is_not_plainly_there_is_the_shells_to_answer(tmp_path, name):
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    if "\\" in name or "\n" in name:
        (tmp_path / name).write_text("text")
    typed = file_commands(str(tmp_path / name))
    assert all(commands.known(command) is None for command in typed)
    assert commands.run_all(typed) == [commands.run(command) for command in typed]


@pytest.mark.parametrize("rest", ["; echo more", " && false", "*", " $HOME", " >&2"])
def test_more_than_a_path_is_the_shells_to_answer(file, rest):
    command = f"stat -Lc %a {shlex.quote(str(file))}{rest}"
    assert commands.known(command) is None


def test_results_come_in_their_order():
    typed = ["sleep 0.05; echo slow", "exit 3", "echo >&2 words"]
    assert [(one["code"], one["stdout"], one["stderr"]) for one in commands.run_all(typed)] == [
        (0, "slow\n", ""), (3, "", ""), (0, "", "words\n"),
    ]  # fmt: skip
