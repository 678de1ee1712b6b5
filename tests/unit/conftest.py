"""What all unit tests stand on."""

import signal

import pytest


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works():
    """Give Ctrl-C its meaning: a shell that starts the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
