"""What attackers find beside the requests: connections to hold on to, Envoy's own interface, other routes."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
import yaml

from tests.templates.running_envoy import AUTH, Gateway


def test_slow_clients_are_given_up(gateway: Gateway) -> None:
    """How long is read here; that it happens, with shorter times, is a test among the errors."""
    envoy = yaml.safe_load(gateway.render()["envoy.yaml"])
    (listener,) = envoy["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]

    assert seconds(manager["request_headers_timeout"]) <= 30
    assert seconds(manager["request_timeout"]) <= 600
    assert seconds(manager["common_http_protocol_options"]["idle_timeout"]) <= 600
    assert seconds(manager["stream_idle_timeout"]) <= 900
    assert listener["per_connection_buffer_limit_bytes"] <= 1 << 16
    assert envoy["overload_manager"]["resource_monitors"][0]["typed_config"]["max_active_downstream_connections"] > 0


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_envoys_own_interface_is_on_this_machines_loopback_alone(gateway: Gateway) -> None:
    address, _, port = (gateway.folder / "admin").read_text().rpartition(":")

    assert address == "127.0.0.1"
    for other in ("127.0.0.2", "::1"):
        with pytest.raises(OSError, match=r"refused|unreachable|assign"):
            socket.create_connection((other, int(port)), timeout=1)


def test_the_jump_of_a_path_into_another_provider_needs_no_trick_and_gives_nothing(
    started: Callable[..., Gateway],
) -> None:
    """Whoever has a key may use every provider that is listed; those that are not have no route at all."""
    gateway = started()

    assert gateway.ask("GET", "/modelscope/v1/models", AUTH).status == 200
    assert gateway.ask("GET", "/vllm/v1/models", AUTH).status == 404
