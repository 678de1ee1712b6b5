"""Comparing versions."""

from __future__ import annotations

import pytest

from gateway.versions import at_least


@pytest.mark.parametrize(
    ("version", "minimum", "enough"),
    [
        ("20.10.24+dfsg1", "20.10", True),
        ("v2.24.4", "2.24.4", True),
        ("2.24.4-desktop.1", "2.24.4", True),
        ("2.9.0", "2.24.4", False),
        ("2.24", "2.24.0", True),
        ("5", "2.24.4", True),
        ("19.03.1", "20.10", False),
        (None, "0", False),
        ("", "1", False),
        ("unknown", "1", False),
    ],
)
def test_at_least(version, minimum, enough):
    assert at_least(version, minimum) is enough
