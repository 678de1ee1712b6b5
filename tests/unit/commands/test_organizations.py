"""Which organization a command means."""

from __future__ import annotations

import pytest

from gateway.commands.organizations import organization
from gateway.errors import ConfigurationError
from tests.unit.situations import load

ADMIN = {"id": "11111111-0000", "name": "My Organization", "owner_id": "u1", "owner": "admin@example.com"}
LATER = {"id": "33333333-0000", "name": "Second", "owner_id": "u1", "owner": "admin@example.com"}
ANN = {"id": "22222222-0000", "name": "My Organization", "owner_id": "u2", "owner": "ann@example.com"}


class Stores:
    """PostgreSQL with these organizations, oldest first."""

    def __init__(self, inventory, *rows):
        self.inventory = inventory
        self.rows = rows

    def postgres(self, _):
        return list(self.rows)


@pytest.fixture
def stores(tmp_path):
    return Stores(load(tmp_path), ANN, ADMIN, LATER)


def test_without_a_name_it_is_the_first_accounts_oldest(stores):
    assert organization(stores, "") == ADMIN


@pytest.mark.parametrize("wanted", ["22222222-0000", "ann@example.com", " ANN@example.com "])
def test_it_is_found_by_id_and_by_owner(stores, wanted):
    assert organization(stores, wanted) == ANN


def test_it_is_found_by_its_name(stores):
    assert organization(stores, "second") == LATER


@pytest.mark.parametrize(
    ("wanted", "problem", "listed"),
    [
        ("my organization", "more than one", ["22222222-0000 (My Organization of ann@example.com)", "11111111-0000"]),
        ("nobody", "no organization", ["11111111-0000", "22222222-0000", "33333333-0000"]),
    ],
)
def test_what_is_not_clear_is_refused_with_what_there_is(stores, wanted, problem, listed):
    with pytest.raises(ConfigurationError, match=problem) as caught:
        organization(stores, wanted)
    assert all(text in caught.value.next_step for text in listed)


def test_an_environment_without_its_first_account_says_so(tmp_path):
    with pytest.raises(ConfigurationError, match=r"the first account admin@example\.com has no organization"):
        organization(Stores(load(tmp_path), ANN), "")
