"""The gateway port, as a client sees it and from inside the host: only completions with a key go on."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.verify import questions
from gateway.verify.checks import check, runs
from gateway.verify.target import Request, Target

COMPLETION = '{"model":"none","messages":[]}'
JSON = ("Content-Type", "application/json")
HEALTH = Request("gateway", "/healthz")
WITHOUT_KEY = Request("gateway", "/v1/chat/completions", "POST", (JSON,), COMPLETION)
PROVIDER_KEY_ONLY = Request(
    "gateway", "/v1/chat/completions", "POST", (JSON, ("Authorization", "Bearer sk-not-a-helicone-key")), COMPLETION
)
MALFORMED_KEY = Request(
    "gateway", "/v1/chat/completions", "POST", (JSON, ("Helicone-Auth", "Bearer sk-helicone-short")), COMPLETION
)
REFUSED = {
    "no key at all": WITHOUT_KEY,
    "a provider's key only": PROVIDER_KEY_ONLY,
    "a malformed Helicone key": MALFORMED_KEY,
}
# What must not be passed on: (method, path) by what it is.
CLOSED = {
    "the root": Request("gateway", "/"),
    "a GET of completions": Request("gateway", "/v1/chat/completions"),
    "jawn's API": Request("gateway", "/v1/request/query-clickhouse"),
    "a path that climbs": Request("gateway", "/v1/../v1/request", "POST", (JSON,), COMPLETION, "Helicone-Auth"),
    "an escaped path": Request("gateway", "/v1/%2e%2e/admin", "POST", (JSON,), COMPLETION, "Helicone-Auth"),
    "an empty path segment": Request("gateway", "/v1//chat", "POST", (JSON,), COMPLETION, "Helicone-Auth"),
}
INSIDE = questions.http("edge", 8787, "/healthz")


def ahead(_target: Target) -> Iterator[questions.Question | Request]:
    yield INSIDE
    yield from (HEALTH, *REFUSED.values(), *CLOSED.values())


@check("the edge answers inside the host", when=runs("edge"))
def test_inside(target: Target) -> None:
    answer = target.ask(INSIDE, "the edge does not answer inside the host")
    assert answer["status"] == 200, f"{target.name}: the edge answers /healthz with {answer['status']}, expected 200"


@check("the gateway port answers a client", when=runs("edge"))
def test_health(target: Target) -> None:
    answer = target.fetch(HEALTH)
    where = target.door.gateway if target.door else "the gateway port"
    assert answer.status == 200, f"{target.name}: {where} gives {answer.shown}, expected 200"


@check("the gateway refuses {what}", when=runs("edge"), what=lambda _: REFUSED)
def test_refused(target: Target, what: str) -> None:
    answer = target.fetch(REFUSED[what])
    assert answer.status == 401, f"{target.name}: the gateway gives {answer.shown} to {what}, expected 401"


@check("the gateway does not pass on {what}", when=runs("edge"), what=lambda _: REFUSED)
def test_not_forwarded(target: Target, what: str) -> None:
    answer = target.fetch(REFUSED[what])
    assert answer.status, f"{target.name}: the gateway gives {answer.shown}"
    assert "helicone-id" not in answer.headers, f"{target.name}: the gateway passed on a request with {what}"
    error = (answer.json() or {}).get("error") if isinstance(answer.json(), dict) else None
    assert isinstance(error, dict), (
        f"{target.name}: the gateway's refusal of {what} is no error that OpenAI's clients read"
    )


@check("the gateway is closed to {what}", when=runs("edge"), what=lambda _: CLOSED)
def test_closed(target: Target, what: str) -> None:
    answer = target.fetch(CLOSED[what])
    assert answer.status in (400, 403, 404), f"{target.name}: the gateway gives {answer.shown} to {what}, expected 404"
    assert "helicone-id" not in answer.headers, f"{target.name}: the gateway passed on {what}"


@check("the gateway does not say what it is made of", when=runs("edge"))
def test_server_header(target: Target) -> None:
    answer = target.fetch(HEALTH)
    assert answer.status, f"{target.name}: the gateway gives {answer.shown}"
    assert "server" not in answer.headers, f"{target.name}: the gateway's answers carry a Server header"
