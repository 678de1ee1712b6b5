"""The object store has the three buckets, and opens them to nobody without a key."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.verify import questions
from gateway.verify.checks import check, runs
from gateway.verify.target import Target

BUCKETS = ("BUCKET_REQUESTS", "BUCKET_PROMPTS", "BUCKET_HQL")
PORT = 9000


def ahead(target: Target) -> Iterator[questions.Question]:
    """Yield what the checks of this file will ask, so that it is asked in one message."""
    if runs("object-store")(target):
        for variable in BUCKETS:
            yield questions.bucket_of_store(variable)
            yield _anonymous(target, variable)
        yield questions.http("object-store", PORT, "/")


def _anonymous(target: Target, variable: str) -> questions.Question:
    return questions.http("object-store", PORT, f"/{_bucket(target, variable)}?list-type=2")


def _bucket(target: Target, variable: str) -> str:
    return target.release.settings.get(variable, "")


@check("the bucket in {variable} exists", when=runs("object-store"), variable=lambda _: BUCKETS)
def test_bucket(target: Target, variable: str) -> None:
    answer = target.ask(questions.bucket_of_store(variable), "the object store does not answer")
    assert answer["status"] == 200, (
        f"{target.name}: the object store answers {answer['status']} for bucket {answer['bucket']}, expected 200:"
        " without it Helicone records empty bodies"
    )


@check("the bucket in {variable} is closed to strangers", when=runs("object-store"), variable=lambda _: BUCKETS)
def test_anonymous(target: Target, variable: str) -> None:
    answer = target.ask(_anonymous(target, variable), "the object store does not answer")
    assert answer["status"] in (400, 401, 403), (
        f"{target.name}: the object store answers {answer['status']} to a request without a key"
        f" for bucket {_bucket(target, variable)}, expected 403"
    )


@check("the object store lists no buckets to strangers", when=runs("object-store"))
def test_anonymous_list(target: Target) -> None:
    answer = target.ask(questions.http("object-store", PORT, "/"), "the object store does not answer")
    assert answer["status"] in (400, 401, 403), (
        f"{target.name}: the object store answers {answer['status']} to a request without a key, expected 403"
    )
