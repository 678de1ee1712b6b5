"""How far a host's clock is off."""

import pytest

from gateway.transport import snapshot


class SlowHost:
    """A host whose clock says `told` when the question arrives, and that answers a minute later."""

    def __init__(self, told, monkeypatch):
        self.told = told
        self.now = 1000.0
        monkeypatch.setattr(snapshot.time, "time", lambda: self.now)

    def request(self, verb, **arguments):
        self.now += 60
        return {"facts": {"time": self.told}}


@pytest.mark.parametrize(
    ("told", "off"), [(1000.0, 0.0), (1060.0, 0.0), (990.0, 10.0), (1070.0, 10.0), (1000.0 - 86400, 86400.0)]
)
def test_a_host_that_takes_its_time_has_no_wrong_clock_for_that(told, off, monkeypatch):
    assert snapshot.take(SlowHost(told, monkeypatch), "helicone-trial")["clock_off"] == off
