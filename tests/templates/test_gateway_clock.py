"""What a gateway does when the host's clock is set back under it, as when NTP puts right a clock that was ahead."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.templates.mirror import mirrored, removed_but_open
from tests.templates.running_envoy import AUTH, KEY, REVOKED, Gateway, eventually

HOUR = 3600 * 1000
Prepare = Callable[..., Gateway]


def set_clock(gateway: Gateway, ahead: int) -> None:
    """Let the gateway's clock be so many milliseconds ahead from now on."""
    fresh = gateway.folder / ".clock"
    fresh.write_text(str(ahead))
    fresh.replace(gateway.folder / "clock")


def start_ahead(gateway: Gateway, more: Callable[[str], str] = str) -> None:
    """Start a gateway whose clock is an hour ahead, and may be set; `more` changes its script otherwise."""
    clock = f"""local function clock(handle)
  local file = io.open("{gateway.folder}/clock")
  local ahead = tonumber(file:read("*a"))
  file:close()
  return handle:timestamp() + ahead
end
"""
    set_clock(gateway, HOUR)
    gateway.start(gateway=lambda text: more(clock + text.replace("handle:timestamp()", "clock(handle)")))


def status(gateway: Gateway, key: str) -> int:
    return gateway.ask("GET", "/v1/models", {"Helicone-Auth": f"Bearer {key}"}).status


def test_keys_that_are_new_or_revoked_are_noticed_all_the_same(prepare: Prepare) -> None:
    gateway = prepare("gateway.cpus=1")
    start_ahead(gateway)
    assert status(gateway, REVOKED) == 503

    set_clock(gateway, 0)
    gateway.allow(REVOKED)
    assert eventually(lambda: status(gateway, REVOKED) == 200) is not None

    set_clock(gateway, -HOUR)
    gateway.allow(KEY)
    assert eventually(lambda: status(gateway, REVOKED) == 401) is not None
    assert status(gateway, KEY) == 200


def test_an_answer_over_the_bound_goes_on_saying_that_it_is_under_way(prepare: Prepare) -> None:
    gateway = prepare()
    gateway.allow(KEY)
    start_ahead(gateway, lambda text: text.replace("local BODY_BYTES = ", "local BODY_BYTES = 30 -- "))
    with ThreadPoolExecutor(1) as client:
        answer = client.submit(gateway.post, "/v1/chat/completions", None, {"stream": 600, "pause": 0.2})
        assert eventually(lambda: len(mirrored(gateway)) == 1) is not None
        (file,) = mirrored(gateway)
        assert eventually(lambda: file.read_bytes().endswith(b"r00000000")) is not None
        before = file.stat().st_size
        set_clock(gateway, 0)
        grew = eventually(lambda: file.stat().st_size > before)
        gateway.provider.go_on.release(600)
    assert answer.result().status == 200
    assert grew is not None


def test_a_request_over_the_bound_goes_on_saying_that_it_is_under_way(prepare: Prepare) -> None:
    gateway = prepare()
    gateway.allow(KEY)
    start_ahead(gateway, lambda text: text.replace("local BODY_BYTES = ", "local BODY_BYTES = 30 -- "))
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nHelicone-Auth: Bearer {KEY}\r\n"
    with gateway.connect() as client:
        client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n".encode())
        client.sendall(b" " * 100)
        assert eventually(lambda: [file.read_bytes()[-9:] for file in mirrored(gateway)] == [b"q00000000"]) is not None
        (file,) = mirrored(gateway)
        before = file.stat().st_size
        set_clock(gateway, 0)

        def grows() -> bool:
            client.sendall(b" " * 100)
            return file.stat().st_size > before

        assert eventually(grows) is not None


def test_requests_that_were_given_up_are_let_go_of(prepare: Prepare) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        provider = f"providers.openai.base_url=http://127.0.0.1:{silent.getsockname()[1]}/v1"
        gateway = prepare(provider, "gateway.cpus=1")
        gateway.allow(KEY)
        start_ahead(gateway)
        with gateway.connect() as client:
            head = f"POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nHelicone-Auth: Bearer {KEY}\r\n"
            client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            assert eventually(lambda: len(mirrored(gateway)) == 1) is not None
        assert eventually(lambda: mirrored(gateway) == []) is not None
        set_clock(gateway, 0)
        gateway.post("/modelscope/v1/embeddings", AUTH)
        process = int((gateway.folder / "envoy").read_text())
        assert eventually(lambda: removed_but_open(process) == []) is not None
