"""The UI port, as a browser sees it: the interface and jawn's API under one name, the rest closed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.verify.checks import check, runs
from gateway.verify.target import Request, Target

JSON = ("Content-Type", "application/json")
QUERY = '{"filter":"all","limit":1,"offset":0,"sort":{"created_at":"desc"}}'
ROOT = Request("ui", "/")
AUTH = Request("ui", "/api/auth/ok")
ENVIRONMENT = Request("ui", "/__ENV.js")
JAWN = Request("ui", "/jawn/healthcheck")
API = Request("ui", "/jawn/v1/request/query-clickhouse", "POST", (JSON,), QUERY, "Authorization")
API_WITHOUT_KEY = Request("ui", "/jawn/v1/request/query-clickhouse", "POST", (JSON,), QUERY)
# Nothing of these may reach jawn or web; the bodies would do no harm if it did.
CLOSED = {
    "the sign-up": Request("ui", "/api/auth/sign-up/email", "POST", (JSON,), "{}"),
    "jawn's open gateway": Request("ui", "/jawn/v1/gateway/oai/v1/chat/completions", "POST", (JSON,), "{}"),
    "jawn's open gateway by another name": Request(
        "ui", "/jawn/v1/gateway/anthropic/v1/messages", "POST", (JSON,), "{}"
    ),
    "jawn's run loops": Request("ui", "/jawn/run-loops/0"),
    "the sign-up with a doubled slash": Request("ui", "//api/auth/sign-up/email", "POST", (JSON,), "{}"),
    "jawn's gateway by an escaped path": Request("ui", "/jawn/v1/%67ateway/oai/v1/models", "POST", (JSON,), "{}"),
}


def ahead(_target: Target) -> Iterator[Request]:
    yield from (ROOT, AUTH, ENVIRONMENT, JAWN, API, API_WITHOUT_KEY, *CLOSED.values())


@check("the UI port answers a browser", when=runs("edge"))
def test_auth(target: Target) -> None:
    answer = target.fetch(AUTH)
    where = target.door.ui if target.door else "the UI port"
    assert answer.status == 200, f"{target.name}: {where} gives {answer.shown}, expected 200"


@check("the UI stays on this host", when=runs("edge"))
def test_root(target: Target) -> None:
    answer = target.fetch(ROOT)
    assert 200 <= answer.status < 400, f"{target.name}: the UI port gives {answer.shown} to /, expected a page"
    location = urlsplit(answer.headers.get("location", "")).hostname
    own = {
        urlsplit(url).hostname
        for url in (target.door.ui if target.door else "", target.release.settings.get("UI_URL", ""))
    }
    assert location is None or location in own, (
        f"{target.name}: the UI sends browsers to {location}, expected this host"
    )


@check("the UI delivers its settings", when=runs("edge"))
def test_environment(target: Target) -> None:
    answer = target.fetch(ENVIRONMENT)
    assert answer.status == 200, f"{target.name}: the UI port gives {answer.shown} to /__ENV.js, expected 200"
    assert "NEXT_PUBLIC_IS_ON_PREM" in answer.body, f"{target.name}: /__ENV.js lacks NEXT_PUBLIC_IS_ON_PREM"


@check("jawn's API is under the UI's name", when=runs("edge"))
def test_jawn(target: Target) -> None:
    answer = target.fetch(JAWN)
    assert answer.status == 200, f"{target.name}: the UI port gives {answer.shown} to /jawn/healthcheck, expected 200"


@check("jawn's API knows the environment's key", when=runs("edge"))
def test_api(target: Target) -> None:
    answer = target.fetch(API)
    assert answer.status in (200, 201), (
        f"{target.name}: jawn's API gives {answer.shown} to the helicone_api_key of the secrets, expected 201"
    )


@check("jawn's API refuses a caller without a key", when=runs("edge"))
def test_api_without_key(target: Target) -> None:
    answer = target.fetch(API_WITHOUT_KEY)
    assert answer.status == 401, f"{target.name}: jawn's API gives {answer.shown} without a key, expected 401"


@check("the UI port is closed to {what}", when=runs("edge"), what=lambda _: CLOSED)
def test_closed(target: Target, what: str) -> None:
    answer = target.fetch(CLOSED[what])
    assert answer.status in (400, 403, 404), f"{target.name}: the UI port gives {answer.shown} to {what}, expected 403"
    assert "helicone-id" not in answer.headers, f"{target.name}: the UI port passed on {what}"
