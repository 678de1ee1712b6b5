"""The proof: a completion went through this host's gateway and is found again, by its own id, in two places."""

from __future__ import annotations

from gateway.verify.checks import check
from gateway.verify.target import Target
from gateway.verify.traced import Trace


def traced(target: Target) -> bool:
    return target.trace is not None


def store_asked(target: Target) -> bool:
    return target.trace is not None and target.trace.store_in_reach


def kinds(target: Target) -> list[str]:
    """Return how the traced request is called here: it says when the provider was asked without a key."""
    return ["traced request" if _trace(target).with_key else "traced request (without a provider key)"]


@check("{kind}: the gateway answers", when=traced, kind=kinds)
def test_answered(target: Target, kind: str) -> None:
    trace = _trace(target)
    assert trace.answer.status, f"{target.name}: {kind}: the gateway gives {trace.answer.shown}"
    if trace.with_key:
        assert trace.answer.status == 200, (
            f"{target.name}: {kind}: the completion with model {trace.model} got {trace.answer.shown}, expected 200"
        )
    assert trace.answer.status < 500, (
        f"{target.name}: {kind}: the gateway gives {trace.answer.shown}: it does not reach jawn or the provider"
    )


@check("{kind}: the answer carries the request's id", when=traced, kind=kinds)
def test_identified(target: Target, kind: str) -> None:
    trace = _trace(target)
    found = trace.answer.headers.get("helicone-id", "")
    assert found == trace.request_id, (
        f"{target.name}: {kind}: the answer has helicone-id {found or '(none)'}, expected {trace.request_id}"
    )


@check("{kind}: Helicone's API shows it", when=traced, kind=kinds)
def test_listed(target: Target, kind: str) -> None:
    trace = _trace(target)
    assert not trace.refused_by_gateway, (
        f"{target.name}: {kind}: nothing to look for, the gateway gave {trace.answer.shown}"
    )
    assert trace.listed is not None, (
        f"{target.name}: {kind}: request {trace.request_id} is not shown by Helicone's API after"
        f" {trace.timeout:g} s (the API gives {trace.list_answer.shown}): it was answered and not recorded"
    )


@check("{kind}: Helicone's API shows its status", when=traced, kind=kinds)
def test_listed_status(target: Target, kind: str) -> None:
    trace = _trace(target)
    found = trace.listed.get("response_status") if trace.listed else None
    assert found == trace.answer.status, (
        f"{target.name}: {kind}: Helicone's API shows status {found}, the client got {trace.answer.shown}"
    )


@check("{kind}: it is in ClickHouse", when=store_asked, kind=kinds)
def test_stored(target: Target, kind: str) -> None:
    trace = _trace(target)
    assert not trace.store_problem, f"{target.name}: {kind}: ClickHouse could not be asked: {trace.store_problem}"
    assert trace.stored is not None, (
        f"{target.name}: {kind}: request {trace.request_id} is not in ClickHouse's request_response_rmt"
    )


@check("{kind}: ClickHouse has its status and model", when=store_asked, kind=kinds)
def test_stored_content(target: Target, kind: str) -> None:
    trace = _trace(target)
    status, model = trace.stored or (0, "")
    assert status == trace.answer.status, (
        f"{target.name}: {kind}: ClickHouse has status {status or '(none)'}, the client got {trace.answer.shown}"
    )
    if status == 200:
        assert model, f"{target.name}: {kind}: ClickHouse has no model for it: a bucket is missing"


def _trace(target: Target) -> Trace:
    assert target.trace is not None
    return target.trace
