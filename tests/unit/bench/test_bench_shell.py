"""What the benchmarks ask this machine."""

from __future__ import annotations

import pytest

from bench import shell


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("172.17.0.0/16 172.17.0.9", "172.17.0.9"), ("172.17.0.0/16 ", "172.17.0.1"),
        ("172.17.0.0/16 <no value>", "172.17.0.1"),
    ],
)  # fmt: skip
def test_the_address_on_dockers_bridge_is_known_also_where_docker_does_not_say_it(monkeypatch, said, address):
    monkeypatch.setattr(shell, "docker", lambda *_: said.strip())
    assert shell.bridge_address() == address
