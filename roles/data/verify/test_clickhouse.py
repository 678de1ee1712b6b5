"""ClickHouse answers, and no user gets in without the right password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.verify import questions
from gateway.verify.checks import check, runs
from gateway.verify.target import Target

PING = questions.http("clickhouse", 8123, "/ping")


@dataclass(frozen=True)
class Login:
    """A login that must fail; without a user it sends no credentials at all."""

    description: str
    user: str = ""
    password: str = ""

    def __str__(self) -> str:
        return self.description

    @property
    def question(self) -> questions.Question:
        """Return the query with these credentials."""
        headers = {"X-ClickHouse-User": self.user, "X-ClickHouse-Key": self.password} if self.user else {}
        return questions.http("clickhouse", 8123, "/", "POST", headers, "SELECT 1")


LOGINS = (
    Login("no credentials"),
    Login("user default without a password", "default"),
    Login("user default with a wrong password", "default", questions.WRONG_PASSWORD),
    Login("user default with the known password clickhouse", "default", "clickhouse"),
    Login("user default with the known password password", "default", "password"),
    Login("user hql_user without a password", "hql_user"),
    Login("user hql_user with a wrong password", "hql_user", questions.WRONG_PASSWORD),
)


def ahead(_target: Target) -> Iterator[questions.Question]:
    yield PING
    for login in LOGINS:
        yield login.question


@check("ClickHouse answers /ping", when=runs("clickhouse"))
def test_ping(target: Target) -> None:
    answer = target.ask(PING, "ClickHouse does not answer")
    assert answer["status"] == 200, f"{target.name}: ClickHouse answers /ping with {answer['status']}, expected 200"
    assert answer["body"].strip() == "Ok.", f"{target.name}: what answers /ping on ClickHouse's port is no ClickHouse"


@check("ClickHouse refuses {login}", when=runs("clickhouse"), login=lambda _: LOGINS)
def test_refused(target: Target, login: Login) -> None:
    answer = target.ask(login.question, "ClickHouse does not answer")
    assert answer["status"] != 200, f"{target.name}: ClickHouse lets in {login}"
    assert answer["status"] < 500 or "AUTHENTICATION_FAILED" in answer["body"] or "516" in answer["body"][:20], (
        f"{target.name}: ClickHouse answers {login} with {answer['status']}, expected a refusal"
    )
