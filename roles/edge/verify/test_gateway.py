"""The gateway port, as a client sees it: only requests with a valid Helicone key go on."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.verify.checks import check, runs
from gateway.verify.target import Request, Target

COMPLETION = '{"model":"none","messages":[]}'
JSON = ("Content-Type", "application/json")
KEYS_SECONDS = 60  # the list of valid keys is compared every two seconds
HEALTH = Request("gateway", "/healthz")
WITHOUT_KEY = Request("gateway", "/v1/chat/completions", "POST", (JSON,), COMPLETION)
PROVIDER_KEY_ONLY = Request(
    "gateway", "/v1/chat/completions", "POST", (JSON, ("Authorization", "Bearer sk-not-a-helicone-key")), COMPLETION
)
UNKNOWN_KEY = Request(
    "gateway",
    "/v1/chat/completions",
    "POST",
    (JSON, ("Helicone-Auth", "Bearer sk-helicone-aaaaaaa-aaaaaaa-aaaaaaa-aaaaaaa")),
    COMPLETION,
)
REFUSED = {
    "no key at all": WITHOUT_KEY,
    "a provider's key only": PROVIDER_KEY_ONLY,
    "a Helicone key that nobody made": UNKNOWN_KEY,
}
# What must not be passed on, even with a valid key.
CLOSED = {
    "the root": Request("gateway", "/", key="Helicone-Auth"),
    "jawn's gateway path": Request(
        "gateway", "/gateway/oai/v1/chat/completions", "POST", (JSON,), COMPLETION, "Helicone-Auth"
    ),
    "a path that climbs": Request("gateway", "/v1/../v1/request", "POST", (JSON,), COMPLETION, "Helicone-Auth"),
    "an escaped path": Request("gateway", "/v1/%2e%2e/admin", "POST", (JSON,), COMPLETION, "Helicone-Auth"),
    "an empty path segment": Request("gateway", "/v1//chat", "POST", (JSON,), COMPLETION, "Helicone-Auth"),
}


def ahead(_target: Target) -> Iterator[Request]:
    yield from (HEALTH, *REFUSED.values(), *CLOSED.values())


@check("the list of valid Helicone keys is fresh", when=runs("keys"))
def test_keys(target: Target) -> None:
    age = target.snapshot["edge"]["keys_age"]
    assert age is not None, f"{target.name}: the gateway has no list of valid keys and refuses everybody"
    assert age < KEYS_SECONDS, (
        f"{target.name}: the list of valid keys was last compared with PostgreSQL {age:.0f} s ago:"
        " new keys do not work, revoked ones do"
    )


@check("the gateway port answers a client", when=runs("gateway"))
def test_health(target: Target) -> None:
    answer = target.fetch(HEALTH)
    where = target.door.gateway if target.door else "the gateway port"
    assert answer.status == 200, f"{target.name}: {where} gives {answer.shown}, expected 200"


@check("the gateway refuses {what}", when=runs("gateway"), what=lambda _: REFUSED)
def test_refused(target: Target, what: str) -> None:
    answer = target.fetch(REFUSED[what])
    assert answer.status == 401, f"{target.name}: the gateway gives {answer.shown} to {what}, expected 401"


@check("the gateway does not pass on {what}", when=runs("gateway"), what=lambda _: REFUSED)
def test_not_forwarded(target: Target, what: str) -> None:
    answer = target.fetch(REFUSED[what])
    assert answer.status, f"{target.name}: the gateway gives {answer.shown}"
    assert "helicone-id" not in answer.headers, f"{target.name}: the gateway passed on a request with {what}"
    error = (answer.json() or {}).get("error") if isinstance(answer.json(), dict) else None
    assert isinstance(error, dict), (
        f"{target.name}: the gateway's refusal of {what} is no error that OpenAI's clients read"
    )


@check("the gateway is closed to {what}", when=runs("gateway"), what=lambda _: CLOSED)
def test_closed(target: Target, what: str) -> None:
    answer = target.fetch(CLOSED[what])
    assert answer.status in (400, 403, 404), f"{target.name}: the gateway gives {answer.shown} to {what}, expected 404"
    assert "helicone-id" not in answer.headers, f"{target.name}: the gateway passed on {what}"


@check("the gateway does not say what it is made of", when=runs("gateway"))
def test_server_header(target: Target) -> None:
    answer = target.fetch(HEALTH)
    assert answer.status, f"{target.name}: the gateway gives {answer.shown}"
    assert "server" not in answer.headers, f"{target.name}: the gateway's answers carry a Server header"
