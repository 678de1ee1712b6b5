"""What all unit tests stand on."""

import pytest

from gateway.agent import engine


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    """Keep tests off this machine's Docker: one that would ask it fails, whether it runs or not."""
    monkeypatch.setattr(engine, "SOCKET", "/nonexistent/docker.sock")
