"""The page of what commands cost begins with the budgets that the end-to-end tests assert."""

from __future__ import annotations

from pathlib import Path

from tasks import namespace
from tests.lab.budgets import BUDGETS, row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance-commands.md"


def test_the_page_shows_every_budget_and_no_other_number():
    shown = [line for line in PAGE.read_text().splitlines() if line.startswith("| `invoke ")]
    assert shown == [row(budget) for budget in BUDGETS]


def test_every_budget_is_for_a_verb_that_exists():
    assert {budget.command for budget in BUDGETS} <= set(namespace.task_names)


def test_no_command_makes_more_than_one_connection_and_one_exec():
    assert {(budget.connections, budget.execs) for budget in BUDGETS} == {(1, 1)}
