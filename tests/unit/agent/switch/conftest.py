"""A host with two releases, of which none runs."""

from __future__ import annotations

import pytest

from gateway.agent.stage import stage
from gateway.agent.store import Store
from tests.unit.agent.switch.switched_host import SERVICES, Host
from tests.unit.situations import release


@pytest.fixture
def host(tmp_path, monkeypatch):
    store = Store(str(tmp_path / "trial"))
    for identifier in ("1-a", "2-b"):
        stage(store, identifier, release(*SERVICES).pack(identifier))
    return Host(store, monkeypatch)
