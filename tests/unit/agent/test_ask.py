"""Asking a service past the edge."""

from __future__ import annotations

import http.server
import threading

import pytest

from gateway.agent import ask as module
from gateway.agent.ask import ask, carriers
from gateway.agent.failure import StepFailed


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers 403 with what it was told, to a POST; 200 to a GET."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.reply(403, f"{self.path} {self.headers['X-Key']} {body}")

    def do_GET(self):
        self.reply(200, "ok " * 4000)

    def reply(self, status, text):
        self.send_response(status)
        self.send_header("X-Kind", "test")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def port(monkeypatch):
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    container = {"NetworkSettings": {"Networks": {"n": {"IPAddress": "127.0.0.1"}}}}
    monkeypatch.setattr(module.engine, "container_of", lambda *_: container)
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_refusal_is_an_answer(port):
    order = {"service": "web", "port": port, "method": "POST", "path": "/x", "headers": {"X-Key": "k"}, "body": "b"}
    answer = ask("p", order)
    assert (answer["status"], answer["body"]) == (403, "/x k b")
    assert answer["headers"]["x-kind"] == "test"


def test_an_answer_is_cut_to_its_beginning(port):
    order = {"service": "web", "port": port, "method": "GET", "path": "/", "headers": {}}
    assert len(ask("p", order)["body"]) == 4096


def test_a_server_outside_is_named_by_its_url(port):
    order = {"url": f"http://127.0.0.1:{port}/", "method": "GET", "path": "/", "headers": {}}
    assert ask("p", order)["status"] == 200


def test_no_answer_is_a_failure():
    with pytest.raises(StepFailed, match="does not answer"):
        ask("p", {"url": "http://127.0.0.1:1", "method": "GET", "path": "/", "headers": {}})


def test_who_carries_a_value(monkeypatch):
    def container(name, *lines):
        return {"Config": {"Env": list(lines), "Labels": {"com.docker.compose.service": name}}}

    found = [container("jawn", "A=1", "URL=postgres://u:old-value@h"), container("web", "B=new-value")]
    monkeypatch.setattr(module.engine, "containers", lambda _: [*found, {"Config": {"Env": None, "Labels": {}}}])
    assert carriers("p", ["old-value"]) == ["jawn"]
