"""Where the vault and the identity of a test are to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return where the vault and the identity of a test are to be."""
    return tmp_path / "inventory/lab/secrets.yml.age", tmp_path / "keys/age.key"
