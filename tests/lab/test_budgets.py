"""Connections, execs and round trips of the commands that only read; test_deploy.py counts those that change."""

from __future__ import annotations

import pytest

from tests.lab.budgets import READING, Budget
from tests.lab.counting import typed

pytestmark = pytest.mark.usefixtures("deployed")


@pytest.mark.parametrize("budget", READING, ids=lambda budget: budget.command)
def test_a_command_keeps_to_its_budget(budget: Budget):
    result = typed(budget)
    assert result.code == 0, result.text
