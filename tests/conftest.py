"""What all tests stand on."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.examples import examples
from tests.fault_report import FaultReport, injected  # noqa: F401 - a fixture for every test

# How long an example takes depends on what else the machine does.
settings.register_profile(
    "suite", max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works() -> Iterator[None]:
    """Give Ctrl-C its meaning, for commands that tests start, too: a shell's background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_configure(config: pytest.Config) -> None:
    """Let tests say which promise under failure they prove."""
    config.addinivalue_line("markers", "fault(*names): proves promises of tests/promises.py")
    config.pluginmanager.register(FaultReport(), "fault-report")
