"""The lab, deployed once for all end-to-end tests; each test leaves it deployed and well."""

from __future__ import annotations

import pytest

from tests.lab.command import invoke, lab

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
