"""The way out to the provider: in jawn's network, on 127.0.0.1, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.verify import questions
from gateway.verify.checks import check, runs
from gateway.verify.target import Target

PORT = 9101
LISTENING = questions.listening("egress")


def ahead(_target: Target) -> Iterator[questions.Question]:
    yield LISTENING


@check("jawn lives in egress's network", when=runs("egress", "jawn"))
def test_namespace(target: Target) -> None:
    found, owner = target.container("jawn")["network_mode"], target.container("egress")
    assert found == f"container:{owner['long_id']}", (
        f"{target.name}: container jawn is not in the network of the container egress that runs now"
    )


@check("egress listens on 127.0.0.1:9101", when=runs("egress"))
def test_listens(target: Target) -> None:
    found = _addresses(target, PORT)
    assert "127.0.0.1" in found, f"{target.name}: nothing listens on 127.0.0.1:{PORT} inside egress's network"


@check("egress listens on no other address", when=runs("egress"))
def test_only_loopback(target: Target) -> None:
    found = _addresses(target, PORT) - {"127.0.0.1"}
    assert not found, f"{target.name}: egress listens on {', '.join(sorted(found))}:{PORT} too: an open relay"


@check("jawn listens in egress's network", when=runs("egress", "jawn"))
def test_jawn(target: Target) -> None:
    assert _addresses(target, 8585), (
        f"{target.name}: nothing listens on port 8585 inside egress's network, expected jawn"
    )


def _addresses(target: Target, port: int) -> set[str]:
    answer = target.ask(LISTENING, "egress's network cannot be seen")
    return {address for address, number in answer["listening"] if number == port}
