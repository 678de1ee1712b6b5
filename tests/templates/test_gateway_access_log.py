"""What the gateway writes down of a request: what a recorder has to have, and nothing that opens doors."""

from __future__ import annotations

import time

from tests.templates.running_envoy import AUTH, KEY, Gateway


def test_the_access_log_tells_what_a_recorder_has_to_have(gateway: Gateway) -> None:
    gateway.access_log()
    began = int(time.time() * 1000) / 1000

    recorded = gateway.post("/v1/chat/completions?api-key=query-sentinel")
    other = gateway.ask("GET", "/modelscope/v1/models", AUTH)
    gateway.post("/v1/chat/completions", {})
    gateway.ask("GET", "/healthz")

    lines = [line for line in gateway.access_log(recorded, other) if float(line["start"]) >= began]
    assert [(line["id"], line["recorded"], line["provider"], line["status"]) for line in lines] == [
        (recorded.headers["helicone-id"], "yes", "openai", 200),
        (other.headers["helicone-id"], "no", "modelscope", 200),
    ]
    assert [(line["method"], line["path"]) for line in lines] == [
        ("POST", "/v1/chat/completions"),
        ("GET", "/modelscope/v1/models"),
    ]
    assert float(lines[0]["start"]) < time.time() + 1
    assert set(lines[0]) == {
        "id", "recorded", "exchange", "provider", "start", "ms", "status", "flags", "details", "method", "path",
    }  # fmt: skip


def test_no_log_holds_what_opens_doors(gateway: Gateway) -> None:
    answer = gateway.post(
        "/v1/chat/completions?api_key=query-sentinel", {**AUTH, "X-Api-Key": "key-sentinel"}, {"a": "body-sentinel"}
    )
    gateway.post("/v1/chat/completions?api_key=query-sentinel", {"Helicone-Auth": "Bearer sk-helicone-sentinel"})
    gateway.access_log(answer)

    written = gateway.log + (gateway.folder / "log" / "access.log").read_text()
    assert "sentinel" not in written
    assert KEY not in written
