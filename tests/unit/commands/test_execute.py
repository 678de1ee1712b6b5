"""A command in a service's container."""

from __future__ import annotations

import pytest

from gateway.commands.execute import chosen_words, execute
from gateway.errors import ConfigurationError, UnreachableError
from gateway.transport.conversation import AgentError
from tests.unit.situations import release, running, service
from tests.unit.talks import OWN_KEY, Talk, project
from verbs.sight import words_after_dashes


def ended(on_event, **_):
    on_event({"stream": "stdout", "text": f"key={OWN_KEY}\n"})
    on_event({"stream": "stderr", "text": "careful\n"})
    return {"code": 4}


@pytest.fixture
def talks():
    app = running(release(service("jawn")))
    data = running(release(service("db", "data")))
    seen = {"app1": app, "app2": app, "data1": data}
    return {name: Talk({"snapshot": snapshot, "execute": ended}) for name, snapshot in seen.items()}


@pytest.fixture
def ours(tmp_path, monkeypatch, talks):
    return project(tmp_path, monkeypatch, talks)


def test_output_goes_where_it_came_from_without_secrets(ours, talks, capsys):
    result = execute(ours, "jawn", "app2", ["env", "-0"], as_json=False)
    assert (result["host"], result["service"], result["code"]) == ("app2", "jawn", 4)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("key=[redacted]\n", "careful\n")
    assert talks["app2"].asked[-1] == (
        "execute", {"project": "helicone-trial", "service": "jawn", "words": ["env", "-0"]}
    )  # fmt: skip


def test_with_json_it_is_part_of_the_result(ours, capsys):
    result = execute(ours, "db", "", ["true"], as_json=True)
    assert (result["host"], result["stdout"], result["stderr"]) == ("data1", "key=[redacted]\n", "careful\n")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "host", "words", "problem", "hint"),
    [
        ("jwan", "", ["ls"], "no service `jwan`: did you mean `jawn`", "db, jawn"),
        ("", "", ["ls"], "one service has to be named", "db, jawn"),
        ("jawn,db", "", ["ls"], "one service has to be named", "db, jawn"),
        ("jawn", "", ["ls"], "runs on more than one host", "app1, app2"),
        ("jawn", "data1", ["ls"], "data1: there is no service `jawn`", "db"),
        ("jawn", "app9", ["ls"], "--host: there is no host `app9`", "app1, app2, data1"),
        ("jawn", "app1", [], "no command was given", "-- COMMAND"),
    ],
)
def test_what_is_not_clear_is_refused(ours, talks, name, host, words, problem, hint):
    with pytest.raises(ConfigurationError) as caught:
        execute(ours, name, host, words, as_json=False)
    assert problem in str(caught.value)
    assert hint in caught.value.next_step
    assert not any(verb == "execute" for talk in talks.values() for verb, _ in talk.asked)


def test_a_container_that_does_not_run_is_unreachable(ours, talks):
    talks["data1"].answers["execute"] = AgentError("data1", {"step": "db", "message": "no container of db is running"})
    with pytest.raises(UnreachableError, match="no container of db is running"):
        execute(ours, "db", "", ["true"], as_json=False)


def test_words_after_dashes_are_left_as_they_are():
    assert words_after_dashes(["invoke", "exec", "jawn", "--", "sh", "-c", "a -- b", "--"]) == [
        "sh",
        "-c",
        "a -- b",
        "--",
    ]
    assert words_after_dashes(["invoke", "exec", "jawn"]) == []


def test_of_two_commands_none_is_run():
    assert chosen_words("ls | wc", []) == ["/bin/sh", "-c", "ls | wc"]
    assert chosen_words("", ["ls", "-l"]) == ["ls", "-l"]
    with pytest.raises(ConfigurationError, match="two commands"):
        chosen_words("ls", ["rm"])
