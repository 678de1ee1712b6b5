"""What waits for the recorder while it is away, when Envoy is killed, and when it does not fit."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.templates.mirror import mirrored, removed_but_open
from tests.templates.running_envoy import AUTH, JSON, KEY, Gateway, eventually
from tests.templates.stand_ins import RecorderStandIn


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
