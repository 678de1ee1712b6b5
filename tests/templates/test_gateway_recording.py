"""What the recorder gets: requests that Helicone can show, whole, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.templates.running_envoy import AUTH, JSON, KEY, Gateway, eventually
from tests.templates.stand_ins import RecorderStandIn

MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    + b"y" * 3_000_000
    + b"\r\n--x--\r\n"
)


def mirrored(gateway: Gateway) -> list[Path]:
    """Return the files that wait for a recorder."""
    return [path for path in (gateway.folder / "mirror").rglob("*") if path.is_file()]


def removed_but_open(process: int) -> list[str]:
    """Return the files of the mirror that are removed, and that a process has open all the same."""
    found = []
    for opened in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since the folder was read
            found.append(str(opened.readlink()))
    return [path for path in found if "/mirror/" in path and path.endswith(" (deleted)")]


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


def test_without_a_recorder_everything_passes_and_waits_for_it(prepare: Callable[..., Gateway]) -> None:
    gateway = prepare()
    gateway.allow(KEY)
    gateway.recorder.close()
    gateway.start()

    answers = [gateway.post("/v1/chat/completions") for _ in range(20)]
    assert {answer.status for answer in answers} == {200}
    assert len(mirrored(gateway)) == 20
    assert {path.stat().st_mode & 0o777 for path in (gateway.folder / "mirror").rglob("*")} == {0o700, 0o600}

    late = RecorderStandIn(gateway.folder)
    assert all(late.of(answer.headers["helicone-id"]) for answer in answers)
    late.close()
    assert (len(late.records), late.count("gaps_total"), mirrored(gateway)) == (20, 0, [])


def test_what_a_killed_proxy_leaves_is_recorded_as_far_as_it_came(prepare: Callable[..., Gateway]) -> None:
    gateway = prepare()
    gateway.allow(KEY)
    gateway.start()
    gateway.provider.go_on.release(2)
    with gateway.connect() as client:
        body = b'{"stream": 50, "pause": 600}'
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nHelicone-Auth: Bearer {KEY}\r\n"
        head += "Content-Type: application/json\r\n"
        client.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        came = b""
        while b"data: 3" not in came:
            came += client.recv(65536)
        gateway.stop()

    assert eventually(lambda: bool(gateway.recorder.records)) is not None
    (record,) = gateway.recorder.records
    assert record.response_body.startswith(b"data: 1\n\ndata: 2\n\n")
    assert not record.complete
    assert eventually(lambda: not list((gateway.folder / "mirror").iterdir())) is not None


def test_where_there_is_no_room_requests_pass_and_are_counted(prepare: Callable[..., Gateway]) -> None:
    gateway = prepare()
    gateway.allow(KEY)
    gateway.start(run=lambda text: text.replace("umask 077", "trap '' XFSZ; ulimit -f 64; umask 077"))
    small = gateway.post("/v1/chat/completions")
    assert gateway.recorder.of(small.headers["helicone-id"]) is not None

    large = gateway.post("/v1/chat/completions", None, {"text": "x" * 100_000})

    assert (large.status, large.document["size"]) == (200, 100_012)
    assert eventually(lambda: gateway.recorder.count("gaps_total") == 1) is not None
    assert eventually(lambda: mirrored(gateway) == []) is not None
    assert "error" not in gateway.log


def test_a_body_over_the_bound_passes_whole_and_is_left_out_of_the_record(started: Callable[..., Gateway]) -> None:
    gateway = started("recorder.body=1m")

    answer = gateway.ask("POST", "/v1/embeddings", {**AUTH, **JSON}, b'"' + b"x" * (3 << 20) + b'"')

    assert answer.document["size"] == (3 << 20) + 2
    record = gateway.recorder.of(answer.headers["helicone-id"])
    assert record is not None
    assert record.request_body == b""
    assert record.omitted.startswith("request body dropped: over ")
    assert (record.response_body, record.complete) == (answer.body, True)


def test_an_answer_over_the_bound_still_says_that_it_is_under_way(prepare: Callable[..., Gateway]) -> None:
    """Or the recorder would take it for a dead one: a record that broke off, and a gap when its line comes."""
    gateway = prepare()
    gateway.allow(KEY)

    def sooner(text: str) -> str:
        text = re.sub(r"^local BODY_BYTES = .*$", "local BODY_BYTES = 30", text, flags=re.MULTILINE)
        return re.sub(r"^(local SAY_AGAIN_MILLISECONDS) = .*$", r"\1 = 100", text, flags=re.MULTILINE)

    gateway.start(gateway=sooner)
    with ThreadPoolExecutor(1) as client:
        answer = client.submit(gateway.post, "/v1/chat/completions", None, {"stream": 600, "pause": 0.1})
        assert eventually(lambda: len(mirrored(gateway)) == 1) is not None
        (file,) = mirrored(gateway)
        assert eventually(lambda: file.read_bytes().endswith(b"r00000000")) is not None
        before = file.stat().st_mtime
        assert eventually(lambda: file.stat().st_mtime > before) is not None
        gateway.provider.go_on.release(600)
    record = gateway.recorder.of(answer.result().headers["helicone-id"])
    assert record is not None
    assert record.complete
    assert record.omitted.startswith("response body dropped: over ")


def test_requests_that_were_given_up_keep_no_room_from_others(prepare: Callable[..., Gateway]) -> None:
    """What the recorder has removed takes memory for as long as Envoy has it open: also while nothing fits any more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        provider = f"providers.openai.base_url=http://127.0.0.1:{silent.getsockname()[1]}/v1"
        gateway = prepare(provider, "gateway.cpus=1")
        gateway.allow(KEY)
        gateway.start(
            run=lambda text: text.replace("umask 077", "trap '' XFSZ; ulimit -f 64; umask 077"),
            gateway=lambda text: text.replace("LET_GO_MILLISECONDS = 10000", "LET_GO_MILLISECONDS = 10"),
        )
        with gateway.connect() as client:
            head = f"POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nHelicone-Auth: Bearer {KEY}\r\n"
            client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            assert eventually(lambda: len(mirrored(gateway)) == 1) is not None
        assert eventually(lambda: mirrored(gateway) == []) is not None
        time.sleep(0.05)
        large = gateway.post("/modelscope/v1/embeddings", None, {"text": "x" * 100_000})

    assert large.status == 200
    assert removed_but_open(int((gateway.folder / "envoy").read_text())) == []


def test_ten_megabytes_pass_and_are_recorded(gateway: Gateway) -> None:
    answer = gateway.ask("POST", "/v1/embeddings", {**AUTH, **JSON}, b'"' + b"x" * (10 << 20) + b'"')

    assert answer.document["size"] == (10 << 20) + 2
    assert eventually(lambda: gateway.recorder.of(answer.headers["helicone-id"], 0) is not None) is not None
