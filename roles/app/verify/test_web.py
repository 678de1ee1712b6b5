"""The web interface runs, stays on its own host, and tells browsers what the release says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.verify import questions
from gateway.verify.checks import check, runs
from gateway.verify.onhost.containers import value_hash
from gateway.verify.target import Target

AUTH = questions.http("web", 3000, "/api/auth/ok")
ENVIRONMENT = questions.http("web", 3000, "/__ENV.js")
DATABASE = questions.postgres_login_of("web", "DATABASE_URL")
SHARED = ("BETTER_AUTH_SECRET", "BETTER_AUTH_URL", "NEXT_PUBLIC_APP_URL")


def ahead(target: Target) -> Iterator[questions.Question]:
    yield from (AUTH, ENVIRONMENT, DATABASE)
    if runs("web")(target):
        yield from (_page(target, "/"), _page(target, "/signin"))


def _page(target: Target, path: str) -> questions.Question:
    """Return the request for a page as a browser makes it: with the host name of the release's URL."""
    return questions.http("web", 3000, path, headers={"Host": _host(target)})


def _host(target: Target) -> str:
    return urlsplit(target.release.settings.get("UI_URL", "")).netloc


def public_names(target: Target) -> list[str]:
    names = target.release.services["web"].environment if runs("web")(target) else ()
    return [name for name in names if name.startswith("NEXT_PUBLIC_")]


@check("web answers /api/auth/ok", when=runs("web"))
def test_auth(target: Target) -> None:
    answer = target.ask(AUTH, "web does not answer")
    assert answer["status"] == 200, f"{target.name}: web answers /api/auth/ok with {answer['status']}, expected 200"


@check("web sends / to its own sign-in", when=runs("web"))
def test_redirect(target: Target) -> None:
    answer = target.ask(_page(target, "/"), "web does not answer")
    location = answer["headers"].get("location", "")
    assert urlsplit(location).netloc in ("", _host(target)), (
        f"{target.name}: web sends / to {urlsplit(location).netloc}, expected its own host {_host(target)}"
    )
    assert answer["status"] < 400, f"{target.name}: web answers / with {answer['status']}, expected a redirect"


@check("web's /signin is not sent away", when=runs("web"))
def test_signin(target: Target) -> None:
    answer = target.ask(_page(target, "/signin"), "web does not answer")
    location = answer["headers"].get("location", "")
    where = f" to {urlsplit(location).netloc or location}" if location else ""
    assert answer["status"] == 200, f"{target.name}: web answers /signin with {answer['status']}{where}, expected 200"


@check("web tells browsers the release's {name}", when=runs("web"), name=public_names)
def test_public_environment(target: Target, name: str) -> None:
    found = _environment(target).get(name)
    expected = target.release.services["web"].environment[name]
    assert found is not None, f"{target.name}: /__ENV.js of web has no {name}"
    assert value_hash(found) == expected, (
        f"{target.name}: /__ENV.js of web says {name}={found}, not what the release says"
    )


@check("web knows that it is self-hosted", when=runs("web"))
def test_on_premises(target: Target) -> None:
    found = _environment(target).get("NEXT_PUBLIC_IS_ON_PREM")
    assert found == "true", (
        f"{target.name}: /__ENV.js of web says NEXT_PUBLIC_IS_ON_PREM={found}, expected true:"
        " everybody would be sent to Helicone's cloud"
    )


@check("web sends browsers to jawn on its own host", when=runs("web"))
def test_jawn_url(target: Target) -> None:
    found = urlsplit(_environment(target).get("NEXT_PUBLIC_HELICONE_JAWN_SERVICE", "")).hostname
    expected = urlsplit(target.release.settings.get("UI_URL", "")).hostname
    assert found == expected, (
        f"{target.name}: /__ENV.js of web names {found} as jawn's host, expected {expected}: sessions would not hold"
    )


@check("web tells browsers no secret", when=runs("web"))
def test_no_secret(target: Target) -> None:
    text = target.ask(ENVIRONMENT, "web does not answer")["body"]
    known = [*target.release.secrets, *target.vault.values.values()]
    leaked = any(len(secret.reveal()) > 3 and secret.reveal() in text for secret in known)
    assert not leaked, f"{target.name}: /__ENV.js of web shows a secret to everybody"
    other = [name for name in _environment(target) if not name.startswith("NEXT_PUBLIC_")]
    assert not other, f"{target.name}: /__ENV.js of web shows {', '.join(other)}"


@check("jawn and web have the same {name}", when=runs("jawn", "web"), name=lambda _: SHARED)
def test_shared(target: Target, name: str) -> None:
    jawn, web = (target.container(service)["environment"].get(name) for service in ("jawn", "web"))
    assert jawn is not None, f"{target.name}: container jawn has no variable {name}"
    assert jawn == web, f"{target.name}: {name} differs between jawn and web: every call of the UI would be refused"


@check("PostgreSQL accepts web's login", when=runs("web"))
def test_postgres(target: Target) -> None:
    answer = target.ask(DATABASE, "PostgreSQL does not answer at the address that web has")
    assert answer["accepted"], f"{target.name}: PostgreSQL refuses the login that web has: {answer['message']}"


def _environment(target: Target) -> dict[str, str]:
    """Return what /__ENV.js assigns to window.__ENV."""
    answer = target.ask(ENVIRONMENT, "web does not answer")
    start = answer["body"].find("{")
    try:
        found, _ = json.JSONDecoder().raw_decode(answer["body"][start:])
    except ValueError:
        found = None
    assert start >= 0, f"{target.name}: /__ENV.js of web (answer {answer['status']}) holds no settings"
    assert isinstance(found, dict), f"{target.name}: /__ENV.js of web (answer {answer['status']}) holds no settings"
    return {str(name): str(value) for name, value in found.items()}
