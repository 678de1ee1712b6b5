"""Connections, execs and round trips of commands; test_deploy.py counts those that deploy."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.lab.budgets import CHANGING, CHANGING_LONG, READING, Budget
from tests.lab.changing import INVENTORY
from tests.lab.counting import typed
from tests.lab.test_backup import backup

pytestmark = pytest.mark.usefixtures("as_found_in_the_end", "backed_up", "lock_as_found")


@pytest.fixture(scope="module")
def lock_as_found(deployed: None) -> Iterator[None]:
    """Put the lab's lock back: `images.lock` keeps only what the inventory names, and other tests deploy more."""
    lock = INVENTORY / "images.lock.yml"
    before = lock.read_bytes()
    yield
    lock.write_bytes(before)


def words(budget: Budget) -> list[str]:
    """Return what a command needs beside the words of its budget, and is another each time."""
    match budget.command:
        case "user.create":
            return ["--email", f"{uuid.uuid4().hex[:8]}@example.com"]
        case "restore":
            return ["--from", backup()]
        case _:
            return []


@pytest.mark.parametrize(
    "budget",
    [*READING, *CHANGING, *(pytest.param(budget, marks=pytest.mark.long) for budget in CHANGING_LONG)],
    ids=lambda budget: budget.command,
)
def test_a_command_keeps_to_its_budget(budget: Budget):
    result = typed(budget, *words(budget))
    assert result.code == 0, result.text
