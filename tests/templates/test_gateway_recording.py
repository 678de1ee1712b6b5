"""What the recorder gets: requests that Helicone can show, whole, and nothing else."""

from __future__ import annotations

import hashlib
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.render.roles import ROOT
from tests.templates.mirror import mirrored
from tests.templates.running_envoy import AUTH, JSON, KEY, Gateway, eventually

MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    + b"y" * 3_000_000
    + b"\r\n--x--\r\n"
)


def test_a_completion_is_recorded_with_all_that_helicone_shows(gateway: Gateway) -> None:
    forged = {"Helicone-Property-Gateway-Key": "somebody else's"}
    sent = {
        **AUTH,
        **forged,
        "Helicone-Property-Team": "a",
        "Helicone-User-Id": "u",
        "Helicone-Target-Url": "http://forged",
    }

    answer = gateway.post("/modelscope/v1/chat/completions?api-key=secret", sent, {"model": "m"})

    record = gateway.recorder.of(answer.headers["helicone-id"])
    assert record is not None
    assert (record.key, record.provider, record.kind) == (f"Bearer {KEY}", "modelscope", "openai")
    assert record.url == f"http://127.0.0.1:{gateway.provider.port}/modelscope/v1/chat/completions"
    assert (record.request_body, record.response_body) == (b'{"model": "m"}', answer.body)
    assert (record.status, record.complete, record.omitted) == (200, True, "")
    assert record.headers["helicone-property-team"] == "a"
    assert record.headers["helicone-user-id"] == "u"
    fingerprint = hashlib.sha256(f"Bearer {KEY}".encode()).hexdigest()[:16]
    assert record.headers["helicone-property-gateway-key"] == fingerprint
    assert KEY not in str(record.headers)
    assert eventually(lambda: mirrored(gateway) == []) is not None, "what was taken is removed"


def test_of_the_headers_that_no_log_may_hold_only_the_one_that_jawn_needs_is_recorded(gateway: Gateway) -> None:
    caddyfile = (ROOT / "templates" / "edge" / "Caddyfile.j2").read_text()
    hidden = re.findall(r"request>headers>(Helicone-[\w-]+) delete", caddyfile)
    assert "Helicone-Fallbacks" in hidden

    answer = gateway.post("/v1/embeddings", {**dict.fromkeys(hidden, "secret"), **AUTH, "Helicone-User-Id": "u"})

    record = gateway.recorder.of(answer.headers["helicone-id"])
    assert record is not None
    assert {name for name, value in record.headers.items() if value == "secret"} == {"helicone-posthog-key"}
    assert KEY not in str(record.headers)
    assert record.headers["helicone-user-id"] == "u"


@pytest.mark.parametrize(
    ("path", "headers", "provider", "kind"),
    [
        ("/v1/messages", {"X-Api-Key": "sk-ant-1", "Helicone-Auth": AUTH["Helicone-Auth"]}, "anthropic", "anthropic"),
        ("/v1/embeddings", {"Authorization": f"Bearer ms-1, Bearer {KEY}"}, "modelscope", "openai"),
        ("/dashscope/v1/completions", AUTH, "dashscope", "openai"),
    ],
)
def test_a_record_names_its_provider_and_the_key_in_helicones_form(
    gateway: Gateway, path: str, headers: dict[str, str], provider: str, kind: str
) -> None:
    record = gateway.recorder.of(gateway.post(path, headers).headers["helicone-id"])

    assert record is not None
    assert (record.provider, record.kind, record.key) == (provider, kind, f"Bearer {KEY}")


def test_a_record_is_made_of_the_gateways_own_headers_whatever_a_caller_sends(gateway: Gateway) -> None:
    names = ("Id", "Key", "Key-Id", "Provider", "Kind", "Target", "Recorded", "Start")
    forged = "".join(f"X-Gateway-{name}: forged\r\nx-gateway-{name}: forged again\r\n" for name in names)
    own = "".join(f"{name}: {value}\r\n" for name, value in AUTH.items())
    before = time.time()

    answer = gateway.raw(
        f"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\n{own}{forged}Content-Type: application/json\r\n"
        "Content-Length: 2\r\n\r\n{}".encode()
    )

    found = re.search(rb"(?im)^helicone-id: ([0-9a-f-]{36})\r$", answer)
    assert found
    record = gateway.recorder.of(found[1].decode())
    assert record is not None
    assert (record.key, record.provider, record.kind) == (f"Bearer {KEY}", "openai", "openai")
    assert record.url.endswith("/v1/embeddings")
    assert record.request_body == b"{}"
    assert before - 1 < record.started < time.time() + 1
    assert "forged" not in repr(record)


def test_a_stream_is_recorded_to_its_end(gateway: Gateway) -> None:
    answer = gateway.post("/v1/chat/completions", None, {"stream": 5, "pause": 0.01})

    record = gateway.recorder.of(answer.headers["helicone-id"])
    assert record is not None
    assert record.response_body == answer.body == b"".join(b"data: %d\n\n" % number for number in range(1, 6))
    assert (record.response_type, record.complete) == ("text/event-stream", True)
    assert record.first_byte is not None
    assert record.started <= record.first_byte < record.ended


def test_bodies_are_recorded_readable(gateway: Gateway) -> None:
    answer = gateway.post("/v1/chat/completions", {**AUTH, "Accept-Encoding": "gzip"}, {"gzip": True})

    record = gateway.recorder.of(answer.headers["helicone-id"])
    assert record is not None
    assert record.response_body.startswith(b'{"method": "POST"')


def test_a_providers_refusal_is_recorded_too(gateway: Gateway) -> None:
    answer = gateway.post("/v1/chat/completions", None, {"status": 429})

    record = gateway.recorder.of(answer.headers["helicone-id"])
    assert record is not None
    assert (answer.status, record.status) == (429, 429)


def test_every_one_of_many_at_once_is_recorded_once(gateway: Gateway) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: gateway.post("/v1/embeddings", None, {"n": number}), range(200)))

    sent = {answer.headers["helicone-id"] for answer in answers}
    assert eventually(lambda: sent <= {record.id for record in list(gateway.recorder.records)}) is not None
    taken = [record.id for record in gateway.recorder.records if record.id in sent]
    assert sorted(taken) == sorted(sent)


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_recorded(gateway: Gateway, media: str) -> None:
    answer = gateway.ask("POST", "/v1/embeddings", {**AUTH, "Content-Type": media}, b"{}")

    assert answer.headers["helicone-recorded"] == "yes"
    assert gateway.recorder.of(answer.headers["helicone-id"]) is not None


@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("GET", {}, None),
        ("DELETE", {}, None),
        ("PUT", JSON, b"{}"),
        ("POST", {"Content-Type": "multipart/form-data; boundary=x"}, MULTIPART),
        ("POST", {"Content-Type": "application/octet-stream"}, b"\0" * 100),
        ("POST", {}, b"{}"),
        ("POST", {"X-Gateway-Recorded": "yes"}, b"{}"),
    ],
    ids=["a list", "a deletion", "a put", "an upload", "bytes", "no type", "a forged mark"],
)
def test_what_helicone_cannot_show_passes_whole_and_says_that_it_is_not_recorded(
    gateway: Gateway, method: str, headers: dict[str, str], body: bytes | None
) -> None:
    answer = gateway.ask(method, "/v1/files", {**AUTH, **headers}, body)

    assert (answer.status, answer.headers["helicone-recorded"]) == (200, "no")
    assert answer.document["size"] == len(body or b"")
    assert gateway.recorder.of(answer.headers["helicone-id"], seconds=0.3) is None


def test_a_provider_that_hangs_up_leaves_a_record(gateway: Gateway) -> None:
    answer = gateway.post("/v1/chat/completions", None, {"hang up": True})

    record = gateway.recorder.of(answer.headers["helicone-id"])
    assert record is not None
    assert (record.status, record.response_body) == (answer.status, answer.body)


def test_what_is_refused_is_not_recorded(gateway: Gateway) -> None:
    before = len(gateway.recorder.records)

    gateway.post("/v1/chat/completions", {})
    gateway.post("/v1/../x")
    time.sleep(0.3)

    assert len(gateway.recorder.records) == before


def test_ten_megabytes_pass_and_are_recorded(gateway: Gateway) -> None:
    answer = gateway.ask("POST", "/v1/embeddings", {**AUTH, **JSON}, b'"' + b"x" * (10 << 20) + b'"')

    assert answer.document["size"] == (10 << 20) + 2
    assert eventually(lambda: gateway.recorder.of(answer.headers["helicone-id"], 0) is not None) is not None
