"""The report as data."""

from __future__ import annotations

import json

from gateway.verify import Failure, VerifyReport

FAILURES = (Failure("app1", "a", "app1: one cause"), Failure("app1", "b", "app1: one cause"))


def test_a_cause_is_named_once() -> None:
    assert VerifyReport(9, 7, FAILURES, 1.5, {"app1": 9}).causes() == FAILURES[:1]


def test_it_becomes_json() -> None:
    report = VerifyReport(9, 7, FAILURES, 1.5, {"app1": 9}, ("a note",))
    data = json.loads(json.dumps(report.to_dict()))
    assert (data["ok"], data["total"], data["passed"], data["hosts"]) == (False, 9, 7, {"app1": 9})
    assert data["failures"][0] == {"host": "app1", "check": "a", "message": "app1: one cause"}
    assert VerifyReport(9, 9, (), 1.5, {"app1": 9}).ok
