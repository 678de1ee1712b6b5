"""The certificates of the two ports: valid for the name that clients use, and not about to end."""

from __future__ import annotations

import time
from collections.abc import Iterator

from gateway.verify.checks import check
from gateway.verify.target import Request, Target

PORTS = {"gateway": Request("gateway", "/healthz"), "UI": Request("ui", "/api/auth/ok")}
# An authority of the edge's own gives certificates for twelve hours, renewed after eight; public ones are
# renewed a month ahead. What is left below is a renewal that fails.
HOURS_LEFT = {"internal": 1, "auto": 14 * 24, "files": 14 * 24}


def ahead(_target: Target) -> Iterator[Request]:
    yield from PORTS.values()


def encrypted(target: Target) -> bool:
    return target.door is not None and target.settings.variables.edge.tls.mode != "off"


@check("the {port} port's certificate lasts", when=encrypted, port=lambda _: PORTS)
def test_expiry(target: Target, port: str) -> None:
    answer = target.fetch(PORTS[port])
    assert answer.status, f"{target.name}: the {port} port gives {answer.shown}"
    hours = (answer.expires - time.time()) / 3600
    least = HOURS_LEFT[target.settings.variables.edge.tls.mode]
    assert hours > least, (
        f"{target.name}: the {port} port's certificate ends in {hours:.0f} hours, expected over {least}"
    )
