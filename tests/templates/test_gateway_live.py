"""Providers that come and go while the gateway runs, and a healthcheck that tells whether they did."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.templates.running_envoy import AUTH, JSON, KEY, PATIENCE, Gateway, eventually


@pytest.fixture
def gateway(started: Callable[..., Gateway]) -> Gateway:
    """Return a gateway of a test's own."""
    return started()


def added(gateway: Gateway) -> str:
    return f"providers.vllm.base_url=http://127.0.0.1:{gateway.provider.port}/api/v3"


def versions(gateway: Gateway) -> str:
    return gateway.admin("/stats?filter=version_text")


def test_a_provider_is_added_and_removed_without_a_restart(gateway: Gateway) -> None:
    before = gateway.process.pid
    assert gateway.healthy() == (0, "")
    assert gateway.post("/vllm/v1/chat/completions").status == 404

    gateway.deliver(added(gateway))

    assert eventually(lambda: gateway.healthy() == (0, "")) is not None
    answer = gateway.post("/vllm/v1/chat/completions")
    assert (answer.status, answer.document["path"]) == (200, "/api/v3/chat/completions")
    record = gateway.recorder.of(answer.headers["helicone-id"])
    assert record is not None
    assert record.provider == "vllm"

    gateway.deliver()

    assert eventually(lambda: gateway.healthy() == (0, "")) is not None
    assert gateway.post("/vllm/v1/chat/completions").status == 404
    assert gateway.post("/v1/chat/completions").status == 200
    assert gateway.process.pid == before
    assert gateway.process.poll() is None


def test_a_running_stream_does_not_notice(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    connection.request("POST", "/v1/chat/completions", b'{"stream": 10, "pause": 60}', {**AUTH, **JSON})
    response = connection.getresponse()
    response.readline()

    gateway.deliver(added(gateway), "gateway.default_provider=vllm")
    assert eventually(lambda: gateway.post("/v1/x").document["path"] == "/api/v3/x") is not None
    gateway.provider.go_on.release(10)

    assert response.read().endswith(b"data: 10\n\n")
    connection.close()


@contextmanager
def asked(gateway: Gateway) -> Iterator[list[int]]:
    """Let a client ask without a pause for as long as the block lasts; yield the statuses as they come."""
    statuses: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            statuses.append(gateway.post("/v1/chat/completions").status)

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield statuses
        assert eventually(lambda: len(statuses) > 5) is not None
    finally:
        stop.set()
        client.join()


def test_no_request_fails_when_a_provider_that_is_new_becomes_the_default(gateway: Gateway) -> None:
    with asked(gateway) as statuses:
        for _ in range(6):
            gateway.deliver(added(gateway), "gateway.default_provider=vllm")
            gateway.deliver()
    assert set(statuses) == {200}


def test_no_request_fails_while_providers_change(gateway: Gateway) -> None:
    with asked(gateway) as statuses:
        for settings in ((added(gateway),), (), (added(gateway), "providers.deepseek.key_prefix=ds-"), ()):
            gateway.deliver(*settings)
            assert eventually(lambda: gateway.healthy() == (0, "")) is not None
            time.sleep(0.1)
    assert set(statuses) == {200}


@pytest.mark.parametrize(
    ("name", "break_it"),
    [
        ("routes.yaml", lambda text: text.replace("prefix:", "prefixx:", 1)),
        ("routes.yaml", lambda _: 'version_info: "empty"\nresources: [{}]\n'),
        ("clusters.yaml", lambda text: text.replace("connect_timeout: 5s", "connect_timeout: soon", 1)),
        ("clusters.yaml", lambda text: text + "\n  - : ["),
    ],
    ids=["unknown field", "nothing in it", "no duration", "no YAML"],
)
def test_a_broken_file_changes_nothing_and_is_found_by_the_healthcheck(
    gateway: Gateway, name: str, break_it: Callable[[str], str]
) -> None:
    good = gateway.render(added(gateway))
    before = versions(gateway)
    broken = break_it(good[name])
    if "version_info" not in broken:
        broken = f'version_info: "broken"\n{broken}'

    gateway.put(name, broken)

    code, said = gateway.healthy()
    assert (code, said) == (1, f"Envoy has not taken up {name}")
    assert eventually(lambda: "update_rejected" in gateway.admin("/stats?filter=update_(rejected|failure)")) is not None
    assert gateway.healthy()[0] == 1
    assert versions(gateway) == before
    assert gateway.post("/v1/chat/completions").status == 200
    assert gateway.post("/vllm/v1/chat/completions").status == 404

    gateway.deliver(added(gateway))
    assert eventually(lambda: gateway.healthy() == (0, "")) is not None
    assert gateway.post("/vllm/v1/chat/completions").status == 200


def test_a_gateway_that_is_not_there_is_not_well(prepare: Callable[..., Gateway]) -> None:
    gateway = prepare()
    gateway.write()

    assert gateway.healthy() == (1, "Envoy has not started")
    gateway.allow(KEY)
    gateway.run()
    gateway.wait()
    assert eventually(lambda: gateway.healthy() == (0, "")) is not None
    gateway.stop()
    code, said = gateway.healthy()
    assert code == 1
    assert said
