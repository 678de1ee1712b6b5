"""The traced request against a made-up Helicone, which records or does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gateway.secret import Secret
from gateway.vault import Vault
from gateway.verify.doors import Door
from gateway.verify.outside import Trust
from gateway.verify.traced import NO_PROVIDER_KEY, Trace

KEY = "sk-helicone-aaaaaaa-bbbbbbb-ccccccc-ddddddd"


class MadeUpHelicone(ThreadingHTTPServer):
    """Answers completions with `status` and shows a record from the `visible_after`-th question on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.visible_after = 2
        self.questions = 0
        self.seen: dict[str, Any] = {}


class Handler(BaseHTTPRequestHandler):
    """One request to the made-up Helicone."""

    server: MadeUpHelicone

    def do_POST(self) -> None:
        """Be the gateway, or the API that lists requests."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/chat/completions":
            self.server.seen = {**self.headers, "body": body}
            headers = {"helicone-id": self.headers["Helicone-Request-Id"]} if self.server.status < 500 else {}
            self._send(self.server.status, {}, headers)
        else:
            assert self.headers["Authorization"] == f"Bearer {KEY}"
            wanted = body["filter"]["request_response_rmt"]["request_id"]["equals"]
            self.server.questions += 1
            shown = self.server.questions >= self.server.visible_after
            row = {"request_id": wanted, "response_status": self.server.status}
            self._send(201, {"data": [row] if shown else [], "error": None}, {})

    def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def helicone(monkeypatch: pytest.MonkeyPatch) -> Iterator[MadeUpHelicone]:
    monkeypatch.setattr("gateway.verify.traced.POLL_SECONDS", 0.01)
    server = MadeUpHelicone()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def door(server: MadeUpHelicone) -> Door:
    return Door(*[f"http://127.0.0.1:{server.server_address[1]}"] * 2, Trust("127.0.0.1"))


def vault(provider_key: str) -> Vault:
    return Vault({"helicone_api_key": Secret(KEY), "provider_api_key": Secret(provider_key)})


def trace(timeout: float = 60) -> Trace:
    return Trace("6b1c1c52-0b0b-4a1c-9a53-0c6c2f1f2a11", "small", True, timeout)


def test_it_waits_until_the_record_is_shown(helicone: MadeUpHelicone) -> None:
    helicone.visible_after = 3
    sent = trace()
    sent.send(door(helicone), vault("provider-key"))
    assert helicone.seen["Helicone-Auth"] == f"Bearer {KEY}"
    assert helicone.seen["Authorization"] == "Bearer provider-key"
    assert helicone.seen["body"]["model"] == "small"
    assert sent.listed == {"request_id": sent.request_id, "response_status": 200}
    assert helicone.questions == 3


def test_a_request_that_is_answered_and_not_recorded_is_not_listed(helicone: MadeUpHelicone) -> None:
    helicone.visible_after = 1_000_000
    sent = trace(timeout=0.1)
    sent.send(door(helicone), vault("provider-key"))
    assert (sent.answer.status, sent.listed) == (200, None)


def test_without_a_provider_key_the_refusal_is_looked_for(helicone: MadeUpHelicone) -> None:
    helicone.status = 401
    sent = trace()
    sent.send(door(helicone), vault(""))
    assert helicone.seen["Authorization"] == f"Bearer {NO_PROVIDER_KEY}"
    assert sent.listed is not None
    assert sent.listed["response_status"] == 401


def test_nothing_is_looked_for_when_the_gateway_itself_fails(helicone: MadeUpHelicone) -> None:
    helicone.status = 502
    sent = trace()
    sent.send(door(helicone), vault("provider-key"))
    assert sent.refused_by_gateway
    assert helicone.questions == 0


def test_the_row_in_the_store_is_asked_for_until_it_is_there() -> None:
    answers: list[list[str]] = [[], ["200\tgpt-4o-mini"]]
    sent = trace()
    sent._deadline = float("inf")  # noqa: SLF001 - `send` sets it
    queries: list[str] = []

    def rows(sql: str) -> list[str]:
        queries.append(sql)
        return answers.pop(0)

    sent.find_stored(rows)
    assert sent.stored == (200, "gpt-4o-mini")
    assert all(sent.request_id in query for query in queries)
