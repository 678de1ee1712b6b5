"""Accounts without a browser."""

from __future__ import annotations

import getpass
import io
import sys

import pytest

from gateway.commands import user
from gateway.commands.user import create, read_password, show
from gateway.errors import ConfigurationError, GatewayError
from gateway.secret import Secret
from gateway.transport.conversation import AgentError
from tests.unit.commands.test_apikey import lines
from tests.unit.commands.test_organizations import ADMIN, ANN
from tests.unit.talks import Talk, project

BEN = {
    "email": "ben@example.com", "name": "Ben", "created": 1_700_000_000, "signed_in": None,
    "organizations": [{"id": "o", "name": "My Organization", "owner": "admin@example.com", "role": "member"}],
}  # fmt: skip


def postgres(_event, sql, **_):
    if "insert" in sql:
        return lines({"member": "u9"})
    return lines(BEN) if "organization_member" in sql else lines(ADMIN, ANN)


@pytest.fixture
def talks():
    return {"data1": Talk({"postgres": postgres}), "app1": Talk({"sign_up": {"account": "created"}})}


@pytest.fixture
def ours(tmp_path, monkeypatch, talks):
    return project(tmp_path, monkeypatch, talks)


def signed_up(talks):
    return [arguments for verb, arguments in talks["app1"].asked if verb == "sign_up"]


def test_an_account_joins_the_first_accounts_organization(ours, talks):
    result = create(ours, " Ben@Example.com ", "", "", "member", None)
    (sent,) = signed_up(talks)
    assert (sent["email"], sent["name"]) == ("ben@example.com", "ben")
    assert len(result["password"]) == 24
    assert sent["password"] == result["password"]
    joined = talks["data1"].statements("postgres")[-1]
    assert f"select E'{ADMIN['id']}'::uuid, u.auth_user_id, E'member'" in joined
    assert "where u.email = E'ben@example.com'" in joined
    assert result["problem"] == ""


def test_a_given_password_is_no_part_of_the_result(ours, talks):
    result = create(ours, "ben@example.com", "Ben", "none", "member", Secret("a password of mine"))
    assert "password" not in result
    assert signed_up(talks)[0]["password"] == "a password of mine"
    assert not any("insert" in sql for sql in talks["data1"].statements("postgres"))


@pytest.mark.parametrize(
    ("email", "wanted", "role", "problem"),
    [
        ("ben", "", "member", "no e-mail address"),
        ("", "", "member", "no e-mail address"),
        ("b'en@example.com", "", "member", "no e-mail address"),
        ("ben@example.com", "", "king", "`king` is no role"),
        ("ben@example.com", "nobody", "member", "no organization is called"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(ours, talks, email, wanted, role, problem):
    with pytest.raises(ConfigurationError, match=problem):
        create(ours, email, "", wanted, role, None)
    assert signed_up(talks) == []


def test_an_account_that_exists_is_left_alone(ours, talks):
    talks["app1"].answers["sign_up"] = {"account": "exists"}
    with pytest.raises(ConfigurationError, match=r"there is an account ben@example\.com already"):
        create(ours, "ben@example.com", "", "", "member", None)
    assert not any("insert" in sql for sql in talks["data1"].statements("postgres"))


def test_what_web_says_is_passed_on(ours, talks):
    talks["app1"].answers["sign_up"] = AgentError("app1", {"step": "web", "message": "web answered 429"})
    with pytest.raises(GatewayError, match="web answered 429"):
        create(ours, "ben@example.com", "", "", "member", None)


def test_an_account_that_could_not_join_keeps_its_password_and_says_so(ours, talks):
    def refuse(event, sql, **more):
        return AgentError("data1", {"step": "postgres", "message": "no"}) if "insert" in sql else postgres(event, sql)

    talks["data1"].answers["postgres"] = refuse
    result = create(ours, "ben@example.com", "", "", "member", None)
    assert "cannot be asked: no" in result["problem"]
    assert result["password"]


def test_an_environment_without_web_cannot(tmp_path, monkeypatch):
    ours = project(tmp_path, monkeypatch, {})
    hosts = {name: host for name, host in ours.inventory.hosts.items() if name == "data1"}
    with pytest.raises(ConfigurationError, match="no host has the role app"):
        user._app_host(type(ours.inventory)("trial", ours.inventory.path, hosts, ("data1",)))  # noqa: SLF001


def test_accounts_are_listed(ours, capsys):
    assert show(ours, as_json=False)["users"] == [BEN]
    shown = capsys.readouterr().out
    for words in ("ben@example.com", "never", "member of My Organization of admin@example.com"):
        assert words in shown


class Input(io.StringIO):
    """A standard input that may be a terminal."""

    def __init__(self, text, terminal=False):
        super().__init__(text)
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def test_a_password_comes_from_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Input("a long password\nmore\n"))
    assert read_password().reveal() == "a long password"


@pytest.mark.parametrize(
    ("typed", "problem"), [(["a long password", "another one"], "differ"), (["short", "short"], "5 characters")]
)
def test_a_typed_password_is_asked_for_twice(monkeypatch, typed, problem):
    monkeypatch.setattr(sys, "stdin", Input("", terminal=True))
    answers = iter(typed)
    monkeypatch.setattr(getpass, "getpass", lambda _: next(answers))
    with pytest.raises(ConfigurationError, match=problem) as caught:
        read_password()
    assert typed[0] not in str(caught.value)
