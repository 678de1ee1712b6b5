"""What a host's history says of its releases; which of them a rollback chooses is in commands/test_rollback.py."""

from __future__ import annotations

from gateway.plan.history import outcomes, verdicts
from tests.unit.situations import entry


def test_the_last_outcome_of_a_release_counts():
    history = [
        {"release": "1-a", "outcome": "good"},
        {"release": "2-b", "outcome": "failed"},
        {"release": "1-a", "outcome": "failed"},
    ]
    assert outcomes(history) == {"1-a": "failed", "2-b": "failed"}


def test_a_rollback_that_failed_says_nothing_of_its_release():
    history = [entry("1-a", "good"), entry("2-b", "failed"), entry("3-c", "good", command="rollback")]
    tried = [entry(name, "failed", command="rollback") for name in ("1-a", "3-c", "4-d")]
    assert verdicts([*history, *tried]) == {"1-a": "good", "2-b": "failed", "3-c": "good"}
