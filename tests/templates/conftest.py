"""Runs rendered Caddyfiles in the real Caddy, in front of servers that say what reached them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.render.templates import render_template


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass
class Echo:
    """A server that answers with what it received, and keeps it."""

    port: int
    received: list[dict[str, Any]] = field(default_factory=list)


class EchoHandler(BaseHTTPRequestHandler):
    """Answers with what it received; a body that holds `stream` is answered in pieces."""

    record: Echo
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer with what arrived."""
        body = self.read_body()
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "size": len(body),
        }
        self.record.received.append(seen)
        if b"stream" in body:
            self.stream()
            return
        content = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Set-Cookie", "session=cookie-sentinel")
        self.end_headers()
        self.wfile.write(content)

    def read_body(self) -> bytes:
        """Return the body, whether its length was said or not."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline() or b"0", 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def stream(self) -> None:
        """Answer with two events, half a second apart."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b"data: one\n\n", b"data: two\n\n"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        """Stay silent."""


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def caddy_program() -> str:
    beside = Path(sys.executable).with_name("caddy")
    found = str(beside) if beside.is_file() else shutil.which("caddy")
    if not found:
        pytest.skip("the Caddy binary is not installed (it comes with the extra `lab`)")
    return found


@pytest.fixture
def echo() -> Iterator[Callable[[], Echo]]:
    """Return a maker of echoing servers."""
    servers: list[ThreadingHTTPServer] = []

    def make() -> Echo:
        record = Echo(0)

        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (EchoHandler,), {"record": record}))
        servers.append(server)
        record.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return record

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@dataclass
class Caddy:
    """A running Caddy: where its log is, and which port here stands for which in the template."""

    ports: Mapping[int, int]
    log: Path

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        port: int = 8787,
    ) -> Answer:
        """Send a request, its path as it is written, and return the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=20)
        with contextlib.closing(connection):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                chunked = body is not None and not isinstance(body, bytes)
                connection.request(method, path, body=body, headers=dict(headers or {}), encode_chunked=chunked)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())


@pytest.fixture
def caddy(tmp_path: Path) -> Iterator[Callable[..., Caddy]]:
    """Return a starter of Caddy on a rendered template, its fixed ports replaced by free ones."""
    program = caddy_program()
    running: list[subprocess.Popen[bytes]] = []

    def start(template: str, fixed: tuple[int, ...], context: Mapping[str, Any]) -> Caddy:
        text = render_template(template, context)
        ports = {port: find_port() for port in fixed}
        for port, free in ports.items():
            text = text.replace(f"http://127.0.0.1:{port} {{", f"http://127.0.0.1:{free} {{")
            text = text.replace(f"\n:{port} {{", f"\nhttp://127.0.0.1:{free} {{")
        config = tmp_path / "Caddyfile"
        config.write_text(text)
        log = tmp_path / "caddy.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, "run", "--config", str(config), "--adapter", "caddyfile"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            )
        running.append(process)
        for free in ports.values():
            wait_for(free, process, log)
        return Caddy(ports, log)

    yield start
    for process in running:
        process.kill()
        process.wait(timeout=10)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    pytest.fail(f"Caddy does not listen on {port}: {log.read_text()[-2000:]}")
