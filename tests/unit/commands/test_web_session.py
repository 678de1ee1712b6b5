"""Signing in to web through a host's agent."""

from __future__ import annotations

import json

import pytest

from gateway.better_auth import session_cookie
from gateway.commands import web_session as module
from gateway.commands.web_session import Web
from gateway.console import Reporter
from gateway.plan.operations import Run
from gateway.secret import Secret
from tests.unit.situations import load


class Talk:
    """A host whose web gives these answers, one after the other."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def request(self, verb, *_, **arguments):
        self.asked.append((verb, arguments))
        status, body = self.answers.pop(0)
        return {"status": status, "headers": {}, "body": body}


def web(tmp_path, talk):
    return Web(Run(load(tmp_path), None, {"app1": talk}, Reporter(quiet=True)), "app1")


def test_a_session_is_made_with_the_first_accounts_address(tmp_path):
    talk = Talk((200, '{"token": "to.ken"}'))
    assert web(tmp_path, talk).sign_in(Secret("pass")) == "to.ken"
    [(verb, arguments)] = talk.asked
    assert (verb, arguments["service"], arguments["path"]) == ("ask", "web", "/api/auth/sign-in/email")
    assert json.loads(arguments["body"]) == {"email": "admin@example.com", "password": "pass"}
    assert arguments["headers"]["Origin"] == "http://10.0.0.1:3000"


def test_a_refused_password_is_no_session_and_anything_else_no_answer(tmp_path):
    assert web(tmp_path, Talk((401, ""))).sign_in(Secret("pass")) == ""
    with pytest.raises(ValueError, match="answers 500"):
        web(tmp_path, Talk((500, ""))).sign_in(Secret("pass"))


def test_signing_in_too_often_is_waited_for(tmp_path, monkeypatch):
    rests = []
    monkeypatch.setattr(module.time, "sleep", rests.append)
    assert web(tmp_path, Talk((429, ""), (429, ""), (401, ""))).sign_in(Secret("pass")) == ""
    assert len(rests) == 2


@pytest.mark.parametrize(
    ("status", "body", "known"),
    [(200, '{"session": {}}', True), (200, "null", False), (200, "", False), (401, "", False)],
)
def test_whether_a_cookie_is_taken(tmp_path, status, body, known):
    talk = Talk((status, body))
    assert web(tmp_path, talk).knows("to.ken", Secret("s")) is known
    assert talk.asked[0][1]["headers"]["Cookie"] == session_cookie("http://10.0.0.1:3000", "to.ken", "s")


def test_no_answer_about_a_cookie_is_no_refusal(tmp_path):
    with pytest.raises(ValueError, match="answers 502"):
        web(tmp_path, Talk((502, ""))).knows("to.ken", Secret("s"))
