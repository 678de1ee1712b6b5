"""The lab, deployed once for all end-to-end tests; each test leaves it deployed and well."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.lab.clients import HOSTS, settled
from tests.lab.command import invoke, lab
from tests.lab.following import tools_in_reach
from tests.lab.stores import list_key, postgres

JAWN = "registry.lab:5000/jawn"


@pytest.fixture(scope="session")
def deployed() -> None:
    """Bring the lab up and deploy what the inventory says."""
    up = invoke("lab.up")
    assert up.code == 0, up.text
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text


@pytest.fixture
def as_found(deployed: None):
    """Deploy the inventory again after a test that changed what runs."""
    yield
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text


@pytest.fixture(scope="module")
def as_found_in_the_end(deployed: None):
    """Deploy the inventory again after tests that each bear what the one before has left."""
    yield
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text


@pytest.fixture(scope="module")
def operators_machine(as_found_in_the_end: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Sit down at a machine that has what an operator's has."""
    with tools_in_reach(tmp_path_factory.mktemp("tools")):
        yield
    assert invoke("lab.up").code == 0  # which pins the hosts' keys, should a test have ended before it did


@pytest.fixture(scope="session")
def backed_up(deployed: None) -> str:
    """Make a set, so that there is a repository with one that is proven, and return its id."""
    result = lab("backup", "--json")
    assert result.code == 0, result.text
    return result.data()["set"]


@pytest.fixture
def clients_key(deployed: None) -> Iterator[str]:
    """Make a Helicone key of a client's own, as the UI does, that every gateway knows."""
    made = "sk-helicone-" + "-".join(secrets.token_hex(4)[:7] for _ in range(4))
    digest = list_key(made, "test")
    for host in HOSTS:
        settled(200, made, host)
    yield made
    postgres(f"delete from helicone_api_keys where api_key_hash = '{digest}'")
