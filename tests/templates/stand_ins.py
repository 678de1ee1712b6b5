"""Servers that stand in for what is behind the proxies: they say what reached them, and keep it."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gateway.recorder.record import Record
from gateway.recorder.rows import record_of
from gateway.recorder.schema import count, open_spool
from gateway.recorder.settings import Settings
from gateway.recorder.spool import Spool
from gateway.recorder.taking import Taking

COMPLETION = {"choices": [{"message": {"role": "assistant", "content": "the stand-in's answer"}}]}
WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


@dataclass
class Answer:
    """What a client got; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass
class Echo:
    """A server that answers with what it received, and keeps it; `broken` are requests that never came whole.

    `go_on` lets streams go on, one event for each release, before their pause is over.
    """

    port: int
    received: list[dict[str, Any]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    go_on: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class EchoHandler(BaseHTTPRequestHandler):
    """Answers with what it received.

    A JSON body can ask for more: `stream` a number of events and `pause` the seconds between them,
    `status` another one, `hang up` no answer at all, `gzip` a compressed one, `megabytes` a large one.
    """

    record: Echo
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer with what arrived."""
        try:
            body = self.read_body()
        except (EOFError, ValueError, OSError):
            self.record.broken.append(self.path)
            self.close_connection = True
            return
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "names": sorted(name.lower() for name in self.headers),
            "size": len(body),
        }
        self.record.received.append(seen)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.upgrade()
            return
        wishes = wishes_in(body)
        if wishes.get("hang up"):
            self.close_connection = True
        elif wishes.get("stream"):
            self.stream(int(wishes["stream"]), float(wishes.get("pause", 0.5)))
        elif wishes.get("megabytes"):
            self.large(int(wishes["megabytes"]))
        else:
            told = {**seen, **COMPLETION} if self.path.endswith("/chat/completions") else seen
            self.whole(json.dumps(told).encode(), int(wishes.get("status", 200)), bool(wishes.get("gzip")))

    def whole(self, content: bytes, status: int, compressed: bool) -> None:
        """Send an answer in one piece."""
        content = gzip.compress(content) if compressed else content
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Set-Cookie", "session=cookie-sentinel")
        if compressed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def large(self, megabytes: int) -> None:
        """Send so many megabytes of nothing in particular, for as long as somebody takes them."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(megabytes << 20))
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(megabytes):
                self.wfile.write(bytes(1 << 20))

    def read_body(self) -> bytes:
        """Return the body, whether its length was said or not. Raises EOFError or ValueError if it is cut off."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            raise EOFError
        return body

    def stream(self, count: int, pause: float) -> None:
        """Answer with events, one after the other."""
        go_on = self.record.go_on
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(1, count + 1):
            piece = b"data: %d\n\n" % number
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            go_on.acquire(timeout=pause)
        self.wfile.write(b"0\r\n\r\n")

    def upgrade(self) -> None:
        """Agree to speak WebSocket, and send back the first bytes that come."""
        accepted = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + WEBSOCKET).digest()  # noqa: S324 - RFC 6455
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accepted).decode())
        self.end_headers()
        self.wfile.write(self.connection.recv(1024))
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = do_TRACE = answer  # noqa: N815

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent."""


class QuietServer(ThreadingHTTPServer):
    """A server that says nothing about clients which went away."""

    request_queue_size = 128

    def handle_error(self, *_arguments: Any) -> None:
        """Stay silent."""


def wishes_in(body: bytes) -> dict[str, Any]:
    """Return what a JSON body asks the server for."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def serve_echo() -> tuple[Echo, QuietServer]:
    """Start an echoing server on a free port."""
    record = Echo(0)
    server = QuietServer(("127.0.0.1", 0), type("Handler", (EchoHandler,), {"record": record}))
    record.port = int(server.server_address[1])
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return record, server


class RecorderStandIn:
    """The recorder without its delivery, beside a gateway in `folder`; what it takes stays in its spool."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(
            folder / "spool", access_log=folder / "log" / "access.log", mirror=folder / "mirror", disk_free_bytes=1
        )
        self._spool = Spool(settings)
        self._taking = Taking(settings, self._spool)
        self._seen = open_spool(settings.folder)
        self._taking.start()
        self._closed = False

    @property
    def records(self) -> list[Record]:
        """What was taken, in the order of its end."""
        return [record_of(row) for row in self._seen.execute("SELECT id, key, about, request, response FROM record")]

    def count(self, name: str) -> int:
        """Return one of the recorder's own counters."""
        return count(self._seen, name)

    def of(self, identifier: str, seconds: float = 60) -> Record | None:
        """Return the record of a request, waited for; None if there is none after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            for record in self.records:
                if record.id == identifier:
                    return record
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)

    def close(self) -> None:
        """Stop, also for a second time."""
        if not self._closed:
            self._closed = True
            assert self._taking.stop(60)
            self._spool.close()
