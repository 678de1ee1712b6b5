"""The three hosts that a rollout is carried out on."""

from __future__ import annotations

import pytest

from tests.unit.fake_fleet import Fleet
from tests.unit.situations import load


@pytest.fixture
def fleet(tmp_path):
    return Fleet(load(tmp_path))
