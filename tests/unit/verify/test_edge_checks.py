"""What the checks of an edge say about a recorder, a list of keys and a certificate that are not well."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.runbooks import about
from gateway.verify.checks import check_of
from gateway.verify.outside import Answer
from gateway.verify.target import Request
from roles.edge.verify import test_certificate as certificate
from roles.edge.verify import test_gateway as gateway
from roles.edge.verify import test_recorder as recorder

WELL = {
    "age": 1.0, "oldest_seconds": 0.0, "waiting": 0, "waiting_bytes": 0, "spool_limit": 1000, "last_error": None,
    "dropped_recently": 0, "gaps_recently": 0, "mirror_bytes": 0, "mirror_limit": 1000,
}  # fmt: skip
RECORDER_CHECKS = [recorder.test_alive, recorder.test_backlog, recorder.test_room, recorder.test_dropped]
RECORDER_CHECKS += [recorder.test_gaps, recorder.test_mirror]


def target(mode: str = "internal", answer: Answer | None = None, services: tuple[str, ...] = (), **edge: Any) -> Any:
    """Return what the checks use of a target."""
    return SimpleNamespace(
        name="app1",
        snapshot={"edge": {"authority": "", "keys_age": 1.0, "recorder": WELL, **edge}},
        door=SimpleNamespace(gateway="https://10.0.0.1:8787"),
        has_release=True,
        release=SimpleNamespace(services=services, entrance=SimpleNamespace(tls=mode)),
        fetch=lambda _request: answer,
    )


def test_a_recorder_that_is_well_passes() -> None:
    for check in RECORDER_CHECKS:
        check(target())


@pytest.mark.parametrize(
    ("check", "changes", "words"),
    [
        (recorder.test_alive, {"age": 31.0}, "last said something 31 s ago: requests wait in the gateway's memory"),
        (recorder.test_backlog, {"oldest_seconds": 601.0, "waiting": 9}, "9 records wait, the oldest for 601 s"),
        (recorder.test_backlog, {"oldest_seconds": 601.0, "last_error": "refused"}, "The last problem: refused"),
        (recorder.test_room, {"waiting_bytes": 800}, "when it is full, new ones are dropped"),
        (recorder.test_mirror, {"mirror_bytes": 801}, "when it is full, requests pass unrecorded"),
        (recorder.test_dropped, {"dropped_recently": 3}, "3 records were dropped"),
        (recorder.test_gaps, {"gaps_recently": 2}, "2 requests of the last hour passed without a record"),
    ],
)
def test_what_is_wrong_with_a_recorder_is_said(
    check: Callable[[Any], None], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(AssertionError, match=words) as caught:
        check(target(recorder={**WELL, **changes}))
    assert about([str(caught.value)]), "a runbook is about it"
    assert str(caught.value).startswith("app1: ")


@pytest.mark.parametrize("check", RECORDER_CHECKS)
def test_a_recorder_that_never_said_anything_is_not_well(check: Callable[[Any], None]) -> None:
    with pytest.raises(AssertionError, match="has not said anything"):
        check(target(recorder=None))


@pytest.mark.parametrize(
    ("age", "words"), [(None, "refuses everybody"), (61.0, "61 s ago: new keys do not work, revoked ones do")]
)
def test_a_list_of_keys_that_is_old_or_not_there_is_named(age: float | None, words: str) -> None:
    gateway.test_keys(target())
    with pytest.raises(AssertionError, match=words):
        gateway.test_keys(target(keys_age=age))


@pytest.mark.parametrize(
    ("mode", "lifetime", "hours"),
    [("internal", 12, 2), ("auto", 90 * 24, 15 * 24), ("auto", 24, 4), ("files", 30 * 24, 14 * 24)],
)
def test_a_certificate_must_last_as_long_as_its_renewal_takes(mode: str, lifetime: int, hours: int) -> None:
    def answer(left: float) -> Answer:
        """Return an answer under a certificate that has `left` seconds to go."""
        expires = time.time() + left
        return Answer(200, issued=expires - lifetime * 3600, expires=expires)

    certificate.test_expiry(target(mode, answer(hours * 3600 + 60)), "gateway")
    with pytest.raises(AssertionError, match="the gateway port's certificate ends in"):
        certificate.test_expiry(target(mode, answer(hours * 3600 - 60)), "gateway")
    with pytest.raises(AssertionError, match="the UI port gives no answer"):
        certificate.test_expiry(target(mode, Answer(problem="refused")), "UI")


def test_checks_are_made_where_there_is_something_to_check() -> None:
    assert check_of(certificate.test_expiry).applies(target())
    assert not check_of(certificate.test_expiry).applies(target("off"))
    assert not check_of(recorder.test_alive).applies(target())
    assert check_of(recorder.test_alive).applies(target(services=("recorder",)))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(200, {}, "{}"), "gives the answer 200 to no key at all, expected 401"),
        (Answer(401, {"helicone-id": "x"}, '{"error": {}}'), "passed on a request with no key at all"),
        (Answer(401, {}, "<html>"), "is no error that OpenAI's clients read"),
        (Answer(401, {}, '{"error": "no"}'), "is no error that OpenAI's clients read"),
        (Answer(problem="refused"), "no answer"),
    ],
)
def test_a_gateway_that_lets_strangers_in_is_named(answer: Answer, words: str) -> None:
    def look(at: Any) -> None:
        """Make both checks."""
        gateway.test_refused(at, "no key at all")
        gateway.test_not_forwarded(at, "no key at all")

    with pytest.raises(AssertionError, match=words):
        look(target(answer=answer))
    look(target(answer=Answer(401, {}, '{"error": {"code": "invalid_api_key"}}')))


def test_everything_that_is_looked_at_is_asked_for_ahead() -> None:
    """A check that asks by itself would cost a connection of its own."""
    for module in (gateway, certificate):
        ahead = set(module.ahead(target()))
        named = [one for value in vars(module).values() if isinstance(value, dict) for one in value.values()]
        asked = {one for one in named if isinstance(one, Request)}
        assert asked
        assert asked <= ahead
