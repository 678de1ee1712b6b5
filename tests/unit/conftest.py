"""What all unit tests stand on."""

import signal

import pytest

from gateway.agent import engine


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works():
    """Give Ctrl-C its meaning: a shell that starts the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    """Keep tests off this machine's Docker: one that would ask it fails, whether it runs or not."""
    monkeypatch.setattr(engine, "SOCKET", "/nonexistent/docker.sock")
