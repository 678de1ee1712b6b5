"""PostgreSQL answers, and only to the right password."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.verify import questions
from gateway.verify.checks import check, runs
from gateway.verify.target import Target

READY = "docker exec {container} pg_isready -q -h 127.0.0.1 -p 5432"
# What Helicone's own compose file sets, and what everybody tries.
DEFAULT_PASSWORDS = ("testpassword", "postgres", "password", "helicone")
LOGINS = {
    password: questions.postgres_login(password) for password in (*DEFAULT_PASSWORDS, questions.WRONG_PASSWORD, "")
}


def ahead(target: Target) -> Iterator[questions.Question | str]:
    yield from LOGINS.values()
    if runs("db")(target):
        yield _ready(target)


def _ready(target: Target) -> str:
    return READY.format(
        container=next((one["id"] for one in target.snapshot["containers"] if one["service"] == "db"), "db")
    )


@check("PostgreSQL accepts connections", when=runs("db"))
def test_ready(target: Target) -> None:
    state = target.container("db")["state"]
    assert state == "running", f"{target.name}: PostgreSQL does not answer: container db is {state}"
    done = target.host.run(_ready(target))
    assert done.rc == 0, f"{target.name}: PostgreSQL does not accept connections (pg_isready ended with {done.rc})"


@check("PostgreSQL refuses a wrong password over TCP", when=runs("db"))
def test_wrong_password(target: Target) -> None:
    _refused(target, questions.WRONG_PASSWORD, "a wrong password")


@check("PostgreSQL refuses an empty password over TCP", when=runs("db"))
def test_empty_password(target: Target) -> None:
    _refused(target, "", "an empty password")


@check("PostgreSQL asks for a password over TCP", when=runs("db"))
def test_asks(target: Target) -> None:
    answer = target.ask(LOGINS[questions.WRONG_PASSWORD], "PostgreSQL does not answer")
    assert answer["asked"], f"{target.name}: PostgreSQL asks for no password over TCP"


@check(
    "PostgreSQL refuses the known default password {password}", when=runs("db"), password=lambda _: DEFAULT_PASSWORDS
)
def test_default_password(target: Target, password: str) -> None:
    _refused(target, password, f"the publicly known default password {password}")


def _refused(target: Target, password: str, what: str) -> None:
    answer = target.ask(LOGINS[password], "PostgreSQL does not answer")
    assert not answer["accepted"], f"{target.name}: PostgreSQL lets in {what} over TCP"
