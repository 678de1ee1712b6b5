"""What a host hands out to who is to help holds no secret of any of its releases."""

from __future__ import annotations

import json
import subprocess

import pytest

from gateway.agent import support as module
from gateway.agent.failure import StepFailed
from gateway.agent.store import Store
from gateway.agent.support import collect, secret_values

OLD, NEW = "old-secret-value-1", "new secret&value=2"


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "env"))
    made.create()
    for number, secret in ((1, OLD), (2, NEW)):
        folder = made.releases / f"{number}-abc"
        folder.mkdir()
        files = {".env": {}, "compose.override.yml": {}, "recorder/flow.py": {}}
        manifest = {"files": files, "secret_keys": ["PASSWORD"]}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        (folder / ".env").write_text(f'PORT="8585"\nPASSWORD="{secret}"\n')
        (folder / "compose.override.yml").write_text(f"url: postgres://u:{secret}@db\n")
    made.point_to("2-abc")
    made.append("history", release="2-abc", outcome="good", cause=f"said {OLD}")
    return made


@pytest.fixture
def commands(monkeypatch):
    """Let every command print the same, and remember what was asked."""
    asked = []

    def run(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, f"PASSWORD={NEW} and {OLD}".encode())

    monkeypatch.setattr(module.subprocess, "run", run)
    return asked


CONTAINER = {
    "Id": "abc", "Name": "/helicone-trial-jawn-1", "State": {"Status": "exited", "ExitCode": 1},
    "Config": {"Image": "jawn:1", "Env": [f"PASSWORD={NEW}"], "Labels": {}, "Cmd": ["node"]}, "HostConfig": {},
}  # fmt: skip


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(module.engine, "all_containers", lambda _: [CONTAINER])
    monkeypatch.setattr(module.engine, "logs", lambda *_: [f"login with {OLD} failed", "bye"])
    monkeypatch.setattr(module.edge_state, "look", lambda _: {"recorder": None})


@pytest.mark.usefixtures("commands", "engine")
def test_no_secret_of_this_or_an_older_release_is_in_any_text(store):
    texts = collect(store, "helicone-trial")
    assert texts["logs/helicone-trial-jawn-1.txt"] == "login with [redacted] failed\nbye\n"
    assert "ExitCode" in texts["containers/helicone-trial-jawn-1.json"]
    assert "release/recorder/flow.py" not in texts
    assert "Env" not in texts["containers/helicone-trial-jawn-1.json"]
    assert texts["release/.env"] == 'PORT="8585"\nPASSWORD=[redacted]\n'
    assert texts["release/compose.override.yml"] == "url: postgres://u:[redacted]@db\n"
    assert {"docker-ps.txt", "disk.txt", "memory.txt", "versions.txt", "history.jsonl"} <= texts.keys()
    everything = "\n".join(texts.values())
    assert OLD not in everything
    assert NEW not in everything


def test_a_host_without_docker_still_tells_the_rest(store, monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError("docker")

    def silent(_):
        raise StepFailed("docker", "Docker Engine does not answer")

    monkeypatch.setattr(module.subprocess, "run", missing)
    monkeypatch.setattr(module.engine, "all_containers", silent)
    texts = collect(store, "helicone-trial")
    assert texts["docker-ps.txt"].startswith("not available")
    assert "does not answer" in texts["containers.txt"]
    assert texts["release/manifest.json"]


@pytest.mark.usefixtures("commands", "engine")
def test_a_command_that_hangs_is_given_up(store, monkeypatch):
    def hang(command, **_):
        raise subprocess.TimeoutExpired(command, 30)

    monkeypatch.setattr(module.subprocess, "run", hang)
    assert "timed out" in collect(store, "helicone-trial")["docker-stats.txt"]


@pytest.mark.usefixtures("commands", "engine")
def test_a_release_that_is_broken_does_not_keep_the_others_secrets_in(store):
    (store.releases / "2-abc" / "manifest.json").write_text("{")
    assert secret_values(store) == [OLD]
    assert "not complete" in collect(store, "helicone-trial")["release/manifest.json"]


@pytest.mark.usefixtures("commands", "engine")
def test_a_host_without_a_release(tmp_path):
    texts = collect(Store(str(tmp_path / "none")), "helicone-trial")
    assert not any(name.startswith("release/") for name in texts)
    assert texts["history.jsonl"] == ""
