"""Attacks on the gateway's port, as bytes: each is refused, or shown to do no harm."""

from __future__ import annotations

import re

import pytest

from tests.templates.attacks.attack import Harmless, Refused
from tests.templates.attacks.framing import FRAMING
from tests.templates.attacks.keys import KEYS
from tests.templates.attacks.methods import METHODS
from tests.templates.attacks.paths import PATHS
from tests.templates.attacks.targets import TARGETS
from tests.templates.running_envoy import KEY, PATIENCE, Gateway

STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})", re.MULTILINE)
ATTACKS = TARGETS | METHODS | KEYS | PATHS | FRAMING


def test_there_are_enough_of_them() -> None:
    assert len(ATTACKS) == sum(map(len, (TARGETS, METHODS, KEYS, PATHS, FRAMING))) > 100


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_attack(gateway: Gateway, attack: Refused | Harmless) -> None:
    before = len(gateway.provider.received)

    expected = 0 if isinstance(attack, Refused) else len(attack.arrives)
    answer = gateway.raw(attack.data, PATIENCE if expected else 0.5, expected)

    arrived = gateway.provider.received[before:]
    statuses = [int(status) for status in STATUS.findall(answer) if status != b"100"]
    assert not [seen for seen in arrived if "smuggled" in seen["path"]]
    assert KEY not in str(arrived)
    if isinstance(attack, Refused):
        assert arrived == []
        assert all(400 <= status < 500 or status == 501 for status in statuses), answer
    else:
        assert tuple(seen["path"] for seen in arrived) == attack.arrives, answer
        assert statuses == [200] * len(attack.arrives)
        for seen in arrived:
            assert seen["headers"]["host"] == f"127.0.0.1:{gateway.provider.port}"
            assert not set(attack.stripped) & set(seen["names"])
            assert not [
                name for name in seen["names"] if name.startswith(("helicone", "x-gateway", "x-forwarded", "x-envoy"))
            ]


def test_it_serves_on_after_all_of_them(gateway: Gateway) -> None:
    assert gateway.post("/v1/chat/completions").status == 200
    assert gateway.healthy() == (0, "")
