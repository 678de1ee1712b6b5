"""What containers print, and commands inside of them, against an engine and a program `docker` that are made up."""

from __future__ import annotations

import json
import os

import pytest

from gateway.agent import engine, logs
from gateway.agent.channel import Channel
from gateway.agent.failure import StepFailed

DOCKER = """#!/bin/sh
if [ "$1" = exec ]; then shift 2; exec "$@"; fi
for last; do :; done
echo "$@" >>{folder}/words
cat {folder}/$last.out
cat {folder}/$last.err >&2
"""


def made(service):
    return {
        "Id": f"id-{service}", "Name": f"/x-{service}-1", "Created": "1", "State": {"Running": True},
        "Config": {"Labels": {"com.docker.compose.service": service}},
    }  # fmt: skip


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Return a folder in which `id-<service>.out` and `.err` are what a container printed."""
    (tmp_path / "docker").write_text(DOCKER.format(folder=tmp_path))
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(engine, "all_containers", lambda _: [made("jawn"), made("web")])
    for name, out, err in (
        ("jawn", "2026-01-01T10:00:00.000000001Z first\n2026-01-01T10:00:03.000000000Z third GET /\n", ""),
        ("web", "2026-01-01T10:00:04.000000000Z fourth\n", "2026-01-01T10:00:02.000000000Z second\n"),
    ):
        (tmp_path / f"id-{name}.out").write_text(out)
        (tmp_path / f"id-{name}.err").write_text(err)
    return tmp_path


@pytest.fixture
def line():
    """Return the ends of a channel: what the controller reads from, what it writes to, and the channel itself."""
    reading, writing = os.pipe()
    back, forth = os.pipe()
    ends = [writing, back]
    yield ends, Channel(reading, forth)
    for descriptor in (reading, forth, *ends):
        os.close(descriptor)


def ask(channel, **changes):
    request = {"services": [], "since": 60, "grep": "", "limit": 10, "follow": False, **changes}
    return logs.show(channel, "helicone-x", request)["lines"]


def test_lines_of_all_containers_are_in_one_order(host, line):
    found = ask(line[1])
    assert [(service, text) for _, service, text in found] == [
        ("jawn", "first"), ("web", "second"), ("jawn", "third GET /"), ("web", "fourth")
    ]  # fmt: skip
    words = (host / "words").read_text()
    assert "--timestamps" in words
    assert "--tail 10" in words


@pytest.mark.parametrize(
    ("asked", "texts"),
    [
        ({"limit": 2}, ["third GET /", "fourth"]),
        ({"services": ["web"]}, ["second", "fourth"]),
        ({"grep": "GET|sec"}, ["second", "third GET /"]),
        ({"grep": "nothing"}, []),
    ],
)
def test_only_what_was_asked_for(host, line, asked, texts):
    assert [text for _, _, text in ask(line[1], **asked)] == texts


def test_a_pattern_is_looked_for_in_all_lines_not_in_the_last_ones(host, line):
    ask(line[1], grep="x")
    assert "--tail" not in (host / "words").read_text()


def test_followed_lines_come_once_though_the_container_is_followed_again(host, line, monkeypatch):
    ends, channel = line
    rounds = []

    class Quick(logs.Relay):
        def run(self, again=None, every=2.0):
            def counted():
                rounds.append(1)
                if len(rounds) == 3:
                    os.close(ends.pop(0))
                again()

            return super().run(counted, every=0.05)

    monkeypatch.setattr(logs, "Relay", Quick)
    assert ask(channel, follow=True, services=["jawn"]) == []
    told = [json.loads(text) for text in os.read(ends[0], 65536).decode().splitlines()]
    assert [one["lines"][0][2] for one in told] == ["first", "third GET /"]
    assert (host / "words").read_text().count("--follow") > 1


def test_what_docker_says_itself_is_a_line_of_now(host, line):
    (host / "id-web.err").write_text("Error response from daemon: gone\n")
    stamp, service, text = ask(line[1], services=["web"])[-1]
    assert (service, text) == ("web", "Error response from daemon: gone")
    assert stamp > "2026-06"


def test_a_command_runs_and_its_code_comes_back(host, line, monkeypatch):
    ends, channel = line
    monkeypatch.setattr(engine, "container_of", lambda *_: made("jawn"))
    answer = logs.execute(channel, "helicone-x", "jawn", ["/bin/sh", "-c", "echo out; echo err >&2; exit 4"])
    assert answer == {"code": 4}
    told = [json.loads(text) for text in os.read(ends[1], 65536).decode().splitlines()]
    assert sorted((one["stream"], one["text"]) for one in told) == [("stderr", "err\n"), ("stdout", "out\n")]


def test_a_service_that_does_not_run_is_said(line, monkeypatch):
    monkeypatch.setattr(engine, "all_containers", lambda *_: [])
    with pytest.raises(StepFailed, match="no container of jawn is running"):
        logs.execute(line[1], "helicone-x", "jawn", ["true"])
