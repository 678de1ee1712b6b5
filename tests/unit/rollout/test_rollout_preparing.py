"""What fails before the switch leaves every host as it is."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigurationError, RolledBackError
from gateway.plan.build import Phase, Plan
from gateway.plan.operations import PrepareHost
from gateway.rollout import prepare
from tests.unit.fake_fleet import failed


def test_a_failure_before_the_switch_touches_nothing(fleet):
    fleet.answers["app2", "stage"] = failed("app2", kind="doubt")
    with pytest.raises(RolledBackError, match="stopped at `stage`") as caught:
        prepare(fleet.plan, fleet.run)
    assert fleet.switched() == []
    assert not caught.value.failures[0].in_doubt
    assert "no host was switched" in caught.value.unaffected


def test_a_host_that_cannot_be_prepared_is_a_configuration_error(fleet):
    phase = Phase("prepare", ((PrepareHost("app1", engine=True, compose=None, certificates={}),),))
    fleet.answers["app1", "prepare"] = failed("app1")
    with pytest.raises(ConfigurationError, match="app1: start jawn: jawn exited"):
        prepare(Plan("2-new", fleet.plan.hosts, (phase,), ()), fleet.run)
