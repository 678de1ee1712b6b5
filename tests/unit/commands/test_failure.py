"""An error names the runbooks that are about it, wherever its cause stands."""

from __future__ import annotations

import json

import pytest

from gateway.commands.failure import report_failure
from gateway.errors import GatewayError, HostFailure, RolledBackError, UnreachableError, VerificationError
from gateway.transport.conversation import AgentError

FOUND = VerificationError(
    "2 of 9 checks do not hold",
    report={"failures": ({"host": "data1", "message": "data1: PostgreSQL does not answer: container db is exited"},)},
)
FAILED = RolledBackError("the deploy failed", [HostFailure("data1", "start db", "full", ["write: no space left"])])
GONE = UnreachableError("1 host did not answer", report={"hosts": {"app1": {"cause": "no connection: timed out"}}})


@pytest.mark.parametrize(("error", "page"), [(FOUND, "postgres-down"), (FAILED, "disk-full"), (GONE, "lost-host")])
def test_the_page_is_named_to_people_and_programs(error: GatewayError, page: str, capsys):
    assert report_failure(error, as_json=True) == error.exit_code
    shown = capsys.readouterr()
    assert f"runbook: docs/runbooks/{page}.md" in shown.err
    assert json.loads(shown.out)["runbooks"] == [f"docs/runbooks/{page}.md"]


def test_a_report_that_names_its_pages_is_not_searched(capsys):
    old = {"hosts": {"data1": {"backups": {"failed": "no space left on device"}}}, "runbooks": []}
    report_failure(UnreachableError("1 host did not answer", report=old), as_json=True)
    assert "disk-full" not in capsys.readouterr().err


def test_what_has_no_page_names_none(capsys):
    report_failure(GatewayError("something else"), as_json=True)
    shown = capsys.readouterr()
    assert "runbook" not in shown.err + shown.out


@pytest.mark.parametrize(("error", "code"), [
    (KeyboardInterrupt(), 130), (AgentError("app1", {"step": "halt", "message": "jawn goes on", "logs": ["why"]}), 1),
])  # fmt: skip
def test_what_stopped_in_the_middle_says_what_to_look_at(error: BaseException, code: int, capsys):
    assert report_failure(error, as_json=True) == code
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert told["next"] == "invoke status --env <environment>"
    assert f"  unaffected: {told['unaffected']}\n  next: {told['next']}\n" in shown.err
