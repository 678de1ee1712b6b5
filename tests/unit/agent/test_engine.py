"""The Docker Engine, asked over its socket."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from gateway.agent import engine
from gateway.agent.failure import StepFailed


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Serve raw HTTP answers on the engine's socket, one per connection; gives the list to fill."""
    path = tmp_path / "docker.sock"
    monkeypatch.setattr(engine, "SOCKET", str(path))
    queue = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1 << 16)
                    if queue:
                        connection.sendall(queue.pop(0))

        threading.Thread(target=serve, daemon=True).start()
        yield queue
        listener.shutdown(socket.SHUT_RDWR)


def http(status, body):
    return f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_an_answer_and_no_such_thing(answers):
    answers += [http(200, '{"Version": "20.10"}'), http(404, "{}")]
    assert engine.version() == "20.10"
    assert engine.ask("/containers/x/json") is None


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 x\r\nContent-Length: 99\r\n\r\n{", http(500, "no JSON <html>")])
def test_whatever_else_it_says_is_a_failure_and_no_version(answers, answer):
    answers += [answer, answer]
    with pytest.raises(StepFailed):
        engine.ask("/version")
    assert engine.version() is None


def test_what_the_engine_says_is_one_line_of_the_error(answers):
    answers.append(http(500, '{"message":"no such host"}\n'))
    with pytest.raises(StepFailed) as caught:
        engine.ask("/distribution/x/json")
    assert caught.value.message == 'Docker Engine answered 500: {"message":"no such host"}'


def test_a_user_who_may_not_ask_is_told_so(answers, monkeypatch):
    monkeypatch.setattr(engine.os, "access", lambda *_: False)
    with pytest.raises(StepFailed, match="this user may not use Docker") as caught:
        engine.version()
    assert caught.value.kind == "configuration"


def test_no_socket_no_version(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "SOCKET", str(tmp_path / "none"))
    assert engine.version() is None


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ("jawn:1@sha256:aa", "jawn@sha256:aa"),
        ("registry.lab:5000/jawn:1@sha256:aa", "registry.lab:5000/jawn@sha256:aa"),
        ("registry.lab:5000/jawn@sha256:aa", "registry.lab:5000/jawn@sha256:aa"),
    ],
)
def test_an_image_counts_only_under_its_digest(monkeypatch, reference, asked):
    monkeypatch.setattr(engine, "ask", lambda path: {} if path == f"/images/{asked}/json" else None)
    assert engine.has_image(reference)


def test_one_shot_runs_are_no_services_and_order_is_stable(monkeypatch):
    def labels(name, oneoff):
        return {"com.docker.compose.service": name, "com.docker.compose.oneoff": oneoff}

    listed = [
        {"Id": name, "Labels": labels(name, flag)} for name, flag in (("web", "False"), ("db", "False"), ("m", "True"))
    ]

    def ask(path):
        if path.startswith("/containers/json"):
            return listed
        name = path.split("/")[2]
        return {"Id": name, "Name": f"/{name}-1", "Created": "1", "Config": {"Labels": labels(name, "False")}}

    monkeypatch.setattr(engine, "ask", ask)
    assert [engine.service_of(container) for container in engine.containers("p")] == ["db", "web"]


def test_of_several_containers_of_a_service_the_newest_counts_and_those_that_leave_do_not(monkeypatch):
    def made(identifier, name, created):
        labels = {"com.docker.compose.service": "gateway"}
        return {"Id": identifier, "Name": f"/{name}", "Created": created, "Config": {"Labels": labels}}

    known = {
        "a": made("a", "p-gateway-1-leaving-a1b2c3", "2026-01-01T12:00:00Z"),
        "b": made("b", "p-gateway-3", "2026-01-01T11:00:00Z"),
        "c": made("c", "p-gateway-2", "2026-01-01T10:00:00Z"),
    }

    def ask(path):
        if path.startswith("/containers/json"):
            return [{"Id": name, "Labels": {}} for name in known]
        return known[path.split("/")[2]]

    monkeypatch.setattr(engine, "ask", ask)
    assert [container["Id"] for container in engine.containers("p")] == ["b"]
    assert sorted(container["Id"] for container in engine.all_containers("p")) == ["a", "b", "c"]


def test_of_the_services_that_are_waited_for_alone_the_containers_are_asked_for(monkeypatch):
    asked = []

    def ask(path):
        asked.append(path)
        labels = [{"com.docker.compose.service": name} for name in ("db", "web", "web")]
        if path.startswith("/containers/json"):
            return [{"Id": str(number), "Labels": label} for number, label in enumerate(labels)]
        number = path.split("/")[2]
        return {"Id": number, "Name": f"/p-{number}", "Created": number, "Config": {"Labels": labels[int(number)]}}

    monkeypatch.setattr(engine, "ask", ask)
    assert [container["Id"] for container in engine.containers("p", ["web"])] == ["2"]
    assert asked[1:] == ["/containers/1/json", "/containers/2/json"]
    assert engine.containers("p", []) == []


def test_a_removal_that_fails_is_a_failed_step(tmp_path, monkeypatch):
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'cannot remove' >&2; exit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(StepFailed) as caught:
        engine.remove(["abc"])
    assert caught.value.logs == ["cannot remove"]
    engine.remove([])


def test_the_summary_of_a_container():
    inspected = {
        "Id": "0123456789abcdef", "RestartCount": 3,
        "Config": {"Image": "jawn:1", "Labels": {"com.docker.compose.service": "jawn", engine.HASH_LABEL: "h"}},
        "State": {"Status": "running", "StartedAt": "t"},
        "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}], "81/tcp": None}},
    }  # fmt: skip
    summary = engine.summary(inspected)
    assert summary["ports"] == [{"inside": "80/tcp", "address": "0.0.0.0", "port": 8080}]  # noqa: S104
    assert (summary["id"], summary["health"], summary["hash"], summary["restarts"]) == ("0123456789ab", "", "h", 3)
    json.dumps(summary)
