"""Docker Compose as the agent calls it."""

from __future__ import annotations

import sys

import pytest

from gateway.agent import compose, engine
from gateway.agent.failure import StepFailed
from gateway.agent.stage import stage
from gateway.agent.store import Store
from tests.unit.situations import release


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "trial"))
    stage(made, "1-a", release(files={".env": 'PASSWORD="s3cret $ value"\nPORT="8585"\n'}).pack("1-a"))
    made.point_to("1-a")
    return made


def test_a_call_names_project_files_and_environment_and_no_value(store):
    arguments = compose.command(store, "helicone-trial", "up", "--detach", "jawn")
    assert arguments[:4] == ["docker", "compose", "--project-name", "helicone-trial"]
    assert [arguments[i + 1].rpartition("/")[2] for i, word in enumerate(arguments) if word == "--file"] == [
        "compose.upstream.yml", "compose.override.yml", "compose.labels.yml"
    ]  # fmt: skip
    assert f"{store.current_link}/.env" in arguments
    assert arguments[-3:] == ["up", "--detach", "jawn"]
    assert "s3cret" not in " ".join(arguments)


def test_a_secret_is_hidden_and_other_values_are_not(store):
    redact = compose.redaction(store, "1-a")
    assert redact("login with s3cret $ value on 8585") == "login with [redacted] on 8585"


def test_lines_are_passed_on_without_secrets(store):
    lines = []
    redact = compose.redaction(store, "1-a")
    compose.run(["/bin/sh", "-c", "echo one; echo 'a s3cret $ value' >&2"], "step", redact, lines.append)
    assert lines == ["one", "a [redacted]"]


def test_a_failure_has_the_last_lines_without_secrets(store):
    script = "for i in $(seq 30); do echo line $i; done; echo 's3cret $ value'; exit 3"
    with pytest.raises(StepFailed, match="start jawn ended with code 3") as caught:
        compose.run(["/bin/sh", "-c", script], "start jawn", compose.redaction(store, "1-a"), lambda _: None)
    assert caught.value.logs[-2:] == ["line 30", "[redacted]"]
    assert len(caught.value.logs) == 20


def test_much_output_does_not_stall():
    words = [sys.executable, "-c", "import sys; sys.stdout.write('x' * 99 + '\\n'); sys.stdout.write('y' * 4000000)"]
    sizes = []
    compose.run(words, "step", str, lambda line: sizes.append(len(line)))
    assert sizes == [99, 4000000]


def test_no_services_no_call(store, monkeypatch):
    monkeypatch.setattr(compose, "run", lambda *_: pytest.fail("nothing is to be started"))
    compose.up(store, "helicone-trial", [], str)


def test_up_starts_only_what_it_is_told_and_pulls_nothing(store, monkeypatch):
    calls = []
    monkeypatch.setattr(compose, "run", lambda arguments, step, *_: calls.append((arguments, step)))
    compose.up(store, "helicone-trial", ["egress", "jawn"], str)
    [(arguments, step)] = calls
    assert arguments[arguments.index("up") :] == [
        "up", "--detach", "--no-deps", "--no-build", "--pull", "never", "egress", "jawn"
    ]  # fmt: skip
    assert step == "start egress, jawn"


@pytest.mark.parametrize(("script", "found"), [("echo v5.0.1", "5.0.1"), ("exit 1", None), ("echo", None)])
def test_the_version_of_the_plugin(store, tmp_path, monkeypatch, script, found):
    docker(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert compose.version(store) == found


def test_no_docker_no_version(store, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compose.version(store) is None


def docker(folder, script):
    """Put a program in the place of Docker's client that counts its calls."""
    fresh = folder / "docker.new"
    fresh.write_text(f"#!/bin/sh\necho x >>{folder}/calls\n{script}\n")
    fresh.chmod(0o755)
    fresh.replace(folder / "docker")


def test_the_version_is_asked_again_only_when_a_program_is_another_one(store, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    docker(tmp_path, "echo 5.0.1")
    assert [compose.version(store) for _ in range(3)] == ["5.0.1"] * 3
    assert (tmp_path / "calls").read_text() == "x\n"
    docker(tmp_path, "echo 2.0.1")
    assert compose.version(store) == "2.0.1"
    plugin = tmp_path / ".docker" / "cli-plugins" / "docker-compose"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("")
    compose.version(store)
    assert (tmp_path / "calls").read_text() == "x\n" * 3


@pytest.mark.parametrize("kept", ["", "[]", '{"programs": []}', "no JSON"])
def test_a_damaged_answer_is_asked_for_again(store, tmp_path, monkeypatch, kept):
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    docker(tmp_path, "echo 5.0.1")
    (store.state / compose.KNOWN).write_text(kept)
    assert compose.version(store) == "5.0.1"


def test_no_answer_is_not_kept(store, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    docker(tmp_path, "exit 1")
    assert [compose.version(store), compose.version(store)] == [None, None]
    assert (tmp_path / "calls").read_text() == "x\n" * 2


def test_a_port_that_moves_to_another_service_is_freed_first_and_no_other(monkeypatch):
    def made(service, port, leaving=""):
        return {
            "Id": f"{service}{leaving}", "Name": f"/{service}{leaving}",
            "State": {"Status": "running", "StartedAt": ""}, "HostConfig": {
                "PortBindings": {"1/tcp": [{"HostIp": "10.0.0.1", "HostPort": str(port)}]} if port else None
            },
            "Config": {"Image": "", "Labels": {"com.docker.compose.service": service}},
        }  # fmt: skip

    removed = []
    there = [made("edge", 8787), made("web", 3001), made("db", 0), made("old", 3000)]
    monkeypatch.setattr(engine, "all_containers", lambda _: there)
    monkeypatch.setattr(engine, "remove", removed.extend)
    compose.free_ports("helicone-trial", [
        {"name": "door", "ports": [["10.0.0.1", 8787, 8787], ["10.0.0.2", 3000, 3000]]},
        {"name": "web", "ports": [["10.0.0.1", 3001, 3000]]},
        {"name": "edge", "ports": []},
    ])  # fmt: skip
    assert removed == ["edge"]


def test_what_lives_in_the_network_of_a_service_that_is_made_anew_goes_with_it(monkeypatch):
    def made(identifier, service, network):
        labels = {"com.docker.compose.service": service}
        return {"Id": identifier, "Config": {"Labels": labels}, "HostConfig": {"NetworkMode": network}}

    everyone = [made("e1", "egress", "x_default"), made("j1", "jawn", "container:e1"), made("w1", "web", "x_default")]
    removed = []
    monkeypatch.setattr(engine, "all_containers", lambda _: everyone)
    monkeypatch.setattr(engine, "remove", lambda identifiers: removed.append(list(identifiers)))
    compose.remove("helicone-x", ["egress"])
    compose.remove("helicone-x", ["web"])
    assert removed == [["e1", "j1"], ["w1"]]
    monkeypatch.setattr(engine, "all_containers", lambda _: pytest.fail("nothing is to be removed"))
    compose.remove("helicone-x", [])
