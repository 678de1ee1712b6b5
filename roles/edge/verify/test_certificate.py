"""The certificates of the two ports: valid for the name that clients use, and not about to end."""

from __future__ import annotations

import time
from collections.abc import Iterator

from gateway.verify.checks import check
from gateway.verify.target import Request, Target

PORTS = {"gateway": Request("gateway", "/healthz"), "UI": Request("ui", "/api/auth/ok")}
# Caddy renews its certificates when a third of their time is left, be it of hours or of months: what is left
# below is a renewal that fails.
LEAST_SHARE = 1 / 6
LEAST_DAYS = 14  # of certificates that the operator brings
DAY = 24 * 3600


def ahead(_target: Target) -> Iterator[Request]:
    yield from PORTS.values()


def encrypted(target: Target) -> bool:
    return target.door is not None and target.release.entrance.tls != "off"


@check("the {port} port's certificate lasts", when=encrypted, port=lambda _: PORTS)
def test_expiry(target: Target, port: str) -> None:
    answer = target.fetch(PORTS[port])
    assert answer.status, f"{target.name}: the {port} port gives {answer.shown}"
    own = target.release.entrance.tls == "files"
    least = LEAST_DAYS * DAY if own else (answer.expires - answer.issued) * LEAST_SHARE
    left = answer.expires - time.time()
    assert left > least, (
        f"{target.name}: the {port} port's certificate ends in {left / 3600:.0f} hours, "
        f"expected over {least / 3600:.0f}"
    )
