"""The end-to-end tests can be read: otherwise that shows only once a lab is up for them."""

import importlib
from pathlib import Path

import pytest

LAB = Path(__file__).parents[1] / "lab"


@pytest.mark.parametrize("name", sorted(path.stem for path in LAB.glob("*.py") if path.stem != "conftest"))
def test_a_module_of_the_end_to_end_tests_can_be_imported(name):
    importlib.import_module(f"tests.lab.{name}")
