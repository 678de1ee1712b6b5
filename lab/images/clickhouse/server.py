"""STAND-IN for the HTTP interface of a ClickHouse server (lab only); the engine below it is real."""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import re
import signal
import socket
import sys
import threading
import urllib.parse
import uuid
import zlib
from pathlib import Path
from typing import ClassVar

import backups
from access import Users
from engine import Engine, QueryError

DATA = Path("/var/lib/clickhouse")
NAME = "clickhouse"
_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_READS = re.compile(
    rb"^\s*(?:/\*.*?\*/\s*)*(?:--[^\n]*\n\s*)*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)\b",
    re.IGNORECASE | re.DOTALL,
)
_STATUS = {
    516: 403,
    497: 403,
    192: 404,
    46: 404,
    47: 404,
    60: 404,
    81: 404,
    115: 404,
    62: 400,
    27: 400,
    6: 400,
    117: 400,
    53: 400,
    73: 400,
}
_OWN_PARAMETERS = {
    "query",
    "user",
    "password",
    "database",
    "default_format",
    "session_id",
    "query_id",
    "compress",
    "decompress",
}


class Server(http.server.ThreadingHTTPServer):
    """Listens on all addresses of both families, as the real image does."""

    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, engine: Engine, users: Users) -> None:
        self.engine = engine
        self.users = users
        super().__init__(("::" if self.address_family == socket.AF_INET6 else "0.0.0.0", port), Handler)

    def server_bind(self) -> None:
        """Bind; an IPv6 socket takes IPv4 as well."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class Handler(http.server.BaseHTTPRequestHandler):
    """One client connection: /ping, and queries on every other path that ClickHouse knows."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server
    _known: ClassVar[set[str]] = {"/", "/query", ""}

    def do_HEAD(self) -> None:
        """Answer a health check without a body."""
        self._simple()

    def do_GET(self) -> None:
        """Answer /ping, or run a reading query."""
        if not self._simple():
            self._query(b"")

    def do_POST(self) -> None:
        """Run the query of the address, of the body, or of both joined."""
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else self._chunks()
        encoding = self.headers.get("Content-Encoding", "")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding == "deflate":
            body = zlib.decompress(body)
        self._query(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the access log quiet: errors are logged where they are answered."""

    def _simple(self) -> bool:
        path = urllib.parse.urlsplit(self.path).path
        if path in {"/ping", "/replicas_status"} or (path == "/" and "?" not in self.path):
            self._answer(200, b"Ok.\n")
        elif path not in self._known:
            self._answer(404, f"There is no handle {path}\n".encode())
        else:
            return self.command == "HEAD"
        return True

    def _chunks(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return b""
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _query(self, body: bytes) -> None:
        options = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))
        statement = b"\n".join(part for part in (options.get("query", "").encode(), body) if part)
        identifier = options.get("query_id") or str(uuid.uuid4())
        default_format = options.get("default_format") or self.headers.get("X-ClickHouse-Format") or "TabSeparated"
        found = _FORMAT.search(statement[-200:])
        output_format = found[1].decode() if found else default_format
        try:
            result = self._run(statement, output_format, options)
        except QueryError as error:
            text = f"{error.text.rstrip()} (version 24.3 STAND-IN, chdb engine)\n"
            print(f"<Error> {text.rstrip()[:500]}", file=sys.stderr, flush=True)
            extra = {"X-ClickHouse-Exception-Code": str(error.code), "X-ClickHouse-Query-Id": identifier}
            self._answer(_STATUS.get(error.code, 500), text.encode("utf-8", "replace"), extra)
            return
        summary = json.dumps({"read_rows": "0", "read_bytes": "0", "written_rows": "0", "written_bytes": "0"})
        extra = {
            "X-ClickHouse-Query-Id": identifier,
            "X-ClickHouse-Format": output_format,
            "X-ClickHouse-Timezone": "UTC",
            "X-ClickHouse-Summary": summary,
        }
        self._answer(200, result, extra)

    def _run(self, statement: bytes, output_format: str, options: dict[str, str]) -> bytes:
        user, password = self._credentials(options)
        self.server.users.log_in(user, password)
        if not statement.strip():
            raise QueryError(62, "Code: 62. DB::Exception: Syntax error: Empty query. (SYNTAX_ERROR)")
        if self.command == "GET" and not _READS.match(statement):
            raise QueryError(
                164,
                "Code: 164. DB::Exception: default: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. (READONLY)",
            )
        text = statement.decode("utf-8", "surrogateescape")
        managed = self.server.users.manage(user, text)
        if managed is not None:
            return managed
        settings = {
            name: value
            for name, value in options.items()
            if name not in _OWN_PARAMETERS and not name.startswith("param_")
        }
        parameters = {name[6:]: value for name, value in options.items() if name.startswith("param_")}
        settings |= self.server.users.restrict(user, text, settings)
        if options.get("database", "default") not in {"", "default"}:
            raise QueryError(
                81,
                f"Code: 81. DB::Exception: Database {options['database']} does not exist. (UNKNOWN_DATABASE)",
            )

        def run(what: bytes) -> bytes:
            """Run a statement with this request's settings."""
            return self.server.engine.run(what, output_format, parameters, settings)

        answer = backups.carry_out(statement, run, self.server.users, DATA)
        return run(statement) if answer is None else answer

    def _credentials(self, options: dict[str, str]) -> tuple[str, str]:
        if "X-ClickHouse-User" in self.headers:
            return self.headers["X-ClickHouse-User"], self.headers.get("X-ClickHouse-Key", "")
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            user, _, password = base64.b64decode(token).decode().partition(":")
            return user, password
        return options.get("user", "default"), options.get("password", "")

    def _answer(self, status: int, body: bytes, extra: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.send_header("X-ClickHouse-Server-Display-Name", "stand-in")
        self.send_header("X-Lab-Stand-In", NAME)
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish the running query and close the data folder."""
    print("STAND-IN for clickhouse/clickhouse-server (lab only): chdb engine, HTTP on 8123", flush=True)
    engine = Engine(str(DATA), str(backups.configuration() or ""))
    server = Server(8123, engine, Users(DATA / "access" / "stand-in-users.json"))

    def stop(number: int, _: object) -> None:
        print(f"Received termination signal ({signal.Signals(number).name})", flush=True)
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print("<Information> Application: Ready for connections.", flush=True)
    server.serve_forever(poll_interval=0.1)
    engine.close()


if __name__ == "__main__":
    main()
