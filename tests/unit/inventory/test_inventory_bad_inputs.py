"""Every bad input ends in one ConfigurationError that says where and what, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import ConfigurationError
from gateway.inventory import load_inventory
from tests.unit.inventory.bad_inputs.addresses import ADDRESSES
from tests.unit.inventory.bad_inputs.case import Case
from tests.unit.inventory.bad_inputs.certificates import CERTIFICATES
from tests.unit.inventory.bad_inputs.command_line import COMMAND_LINE
from tests.unit.inventory.bad_inputs.files import FILES
from tests.unit.inventory.bad_inputs.firewall import FIREWALL
from tests.unit.inventory.bad_inputs.groups import GROUPS
from tests.unit.inventory.bad_inputs.keys import KEYS
from tests.unit.inventory.bad_inputs.providers import PROVIDERS
from tests.unit.inventory.bad_inputs.roles import ROLES
from tests.unit.inventory.bad_inputs.syntax import SYNTAX
from tests.unit.inventory.bad_inputs.values import VALUES

if TYPE_CHECKING:
    from conftest import Project

TABLES = (KEYS, VALUES, ADDRESSES, PROVIDERS, FIREWALL, CERTIFICATES, SYNTAX, GROUPS, COMMAND_LINE, ROLES, FILES)
CASES = {name: case for table in TABLES for name, case in table.items()}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_says_where_and_what(project: Project, case: Case) -> None:
    project.write(case.files)
    for name in case.absent:
        (project.root / name).unlink()
    with pytest.raises(ConfigurationError) as caught:
        project.load(*case.settings, limit=case.limit)
    error = caught.value
    assert error.exit_code == 2
    assert error.where == case.where
    for word in case.words:
        assert word in str(error)
    assert "hunter2" not in str(error)
    assert "\n" not in error.message


def test_more_than_thirty() -> None:
    assert len(CASES) > 30


def test_no_two_have_the_same_name() -> None:
    assert len(CASES) == sum(map(len, TABLES))


@pytest.mark.parametrize(
    ("name", "words"),
    [("lba", "did you mean `lab`"), ("../lab", "lab"), ("", "lab"), ("LAB", "lab"), ("a\x00b", "lab"), (".", "lab")],
)
def test_unknown_environment_lists_the_known(project: Project, name: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match="unknown environment") as caught:
        load_inventory(project.root, name)
    assert words in str(caught.value)
