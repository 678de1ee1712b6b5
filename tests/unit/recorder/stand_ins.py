"""Stand-ins for jawn and ClickHouse on loopback, as far as the recorder knows them: real HTTP, no stores."""

from __future__ import annotations

import http.server
import json
import re
import socket
import threading
import time
import uuid

from gateway.recorder.record import Record
from gateway.recorder.schema import count
from gateway.recorder.settings import ClickHouse, Pace, Settings

KEY = "Bearer sk-helicone-aaaaaaa-bbbbbbb-ccccccc-ddddddd"
PACE = Pace(
    first_look=0.05,
    confirm_within=0.6,
    unsure_wait=0.3,
    retry_first=0.05,
    retry_most=0.2,
    probe_every=0.05,
    refuse_after=0.6,
    gone_after=0.6,
    refuse_record_after=0.3,
    connect_within=30,
    answer_within=30,
    rest=0.05,
    workers=8,
)


def record(**changes):
    now = time.time()
    fields = {
        "id": str(uuid.uuid4()),
        "key": KEY,
        "provider": "openai",
        "kind": "openai",
        "url": "https://api.openai.com/v1/chat/completions",
        "headers": {"helicone-user-id": "someone"},
        "request_body": b'{"model":"m","messages":[]}',
        "response_body": b'{"model":"m","usage":{"prompt_tokens":1,"completion_tokens":2}}',
        "response_type": "application/json",
        "status": 200,
        "started": now,
        "first_byte": now + 0.01,
        "ended": now + 0.02,
        "complete": True,
    }
    return Record(**{**fields, **changes})


def settings(folder, helicone=None, pace=PACE, **changes):
    jawn, clickhouse = helicone.addresses if helicone else ("http://127.0.0.1:1", "http://127.0.0.1:1")
    return Settings(
        folder=folder,
        jawn=(jawn,),
        clickhouse=ClickHouse(clickhouse, "default", "made-up"),
        pace=pace,
        heartbeat=folder / "heartbeat",
        disk_free_bytes=1,
        **changes,
    )


def wait_until(true, seconds=60):
    """Wait until something holds; fail with what it last gave."""
    until = time.monotonic() + seconds
    while not (given := true()):
        assert time.monotonic() < until, f"still {given!r} after {seconds} s"
        time.sleep(0.01)
    return given


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class Helicone:
    """jawn and ClickHouse as one: what jawn is given becomes rows that ClickHouse shows.

    As jawn does, it stores what it is given under the request's id, and makes the row of what it then reads there.

    `answer` is jawn's status for a trace, or a function of (key, trace), which may add words to it;
    `loses` lets jawn say 200 and write nothing; `hangs_up` ends the connection after writing; `clickhouse_down`
    gives errors there.
    """

    def __init__(self, ports=(0, 0)):
        self.rows = []
        self.traces = []
        self.bodies = {}
        self.attempts = []
        self.looks = 0
        self.answer = 200
        self.loses = False
        self.hangs_up = False
        self.clickhouse_down = False
        self.delay = 0.0
        self.before_answer = lambda: None
        self.lock = threading.Lock()
        self.servers = [_serve(self._jawn, ports[0]), _serve(self._clickhouse, ports[1])]

    @property
    def addresses(self):
        return [f"http://127.0.0.1:{server.server_port}" for server in self.servers]

    @property
    def ids(self):
        with self.lock:
            return [row[0] for row in self.rows]

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def _jawn(self, handler, body):
        trace = json.loads(body)
        key = handler.headers["authorization"]
        identity = handler.headers["helicone-request-id"]
        answer = self.answer(key, trace) if callable(self.answer) else self.answer
        status, words = answer if isinstance(answer, tuple) else (answer, b"")
        started = trace["timing"]["startTime"]
        self.bodies[identity] = trace
        time.sleep(self.delay)
        with self.lock:
            trace = self.bodies[identity]
            self.attempts.append(identity)
            if status == 200 and not self.loses:
                self.traces.append(trace)
                self.rows.append((identity, started["seconds"] * 1000 + started["milliseconds"]))
        self.before_answer()
        if self.hangs_up:
            handler.connection.shutdown(socket.SHUT_RDWR)
            return None
        return status, words

    def _clickhouse(self, handler, body):
        self.looks += 1
        if self.clickhouse_down:
            return 500, b"Code: 999. DB::Exception: down"
        if handler.headers["X-ClickHouse-Key"] != "made-up":
            return 403, b"Code: 516. DB::Exception: default: Authentication failed"
        asked = set(re.findall(r"'([0-9a-f-]{36})'", body.decode()))
        with self.lock:
            found = [row for row in self.rows if row[0] in asked]
        return 200, "".join(f"{identity}\t{created % 900000}\n" for identity, created in found).encode()


def _serve(work, port):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = work(self, body)
            if answer is None:
                self.close_connection = True
                return
            head = f"HTTP/1.1 {answer[0]} X\r\ncontent-length: {len(answer[1])}\r\n\r\n"
            self.wfile.write(head.encode() + answer[1])

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def take(spool, how_many, **changes):
    """Have a spool write records down, and return their ids once they are on disk."""
    taken = [record(**changes) for _ in range(how_many)]
    for one in taken:
        spool.take(one)
    assert spool.change(lambda _: None).wait(60)
    return [one.id for one in taken]


def all_done(seen):
    """Wait until nothing waits in a spool any more."""
    return wait_until(lambda: count(seen, "waiting") == 0)
