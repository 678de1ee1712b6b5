"""The steps of a deploy around the rollout itself."""

from __future__ import annotations

import copy

import pytest

from gateway.commands.deploy import prune, refuse_half_restored, refuse_moved
from gateway.console import Reporter
from gateway.errors import ConfigurationError, UnreachableError
from gateway.plan.operations import Run
from tests.unit.situations import bare, load, release, running


def change(seen, part):
    if part == "current":
        seen["current"] = "9-x"
    elif part == "contents":
        seen["contents"][".env"] += "A=1\n"
    else:
        seen["containers"][0][part] = "other"


@pytest.mark.parametrize(("part", "moved"), [("current", 1), ("contents", 1), ("id", 1), ("hash", 1), ("health", 0)])
def test_a_plan_is_not_applied_to_a_host_that_moved(part, moved):
    before = {"app1": running(release())}
    after = copy.deepcopy(before)
    refuse_moved(before, after)
    change(after["app1"], part)
    if moved:
        with pytest.raises(ConfigurationError, match="the host changed since the plan was made"):
            refuse_moved(before, after)
    else:
        refuse_moved(before, after)


class Talk:
    """A host that notes what it is asked, and fails if told so."""

    def __init__(self, error=None):
        self.error = error
        self.asked = []

    def request(self, verb, **arguments):
        self.asked.append((verb, arguments))
        if self.error:
            raise self.error


def test_old_releases_that_cannot_be_removed_do_not_fail_a_good_deploy(tmp_path, capsys):
    talks = {"app1": Talk(UnreachableError("the connection was lost")), "app2": Talk()}
    run = Run(load(tmp_path), None, talks, Reporter())
    prune(run, {name: {"current": "4-d"} for name in talks})
    [(verb, arguments)] = talks["app2"].asked
    assert verb == "prune"
    assert arguments["protected"] == ["4-d"]
    assert arguments["keep"] >= 2
    assert "old releases could not be removed" in capsys.readouterr().err


def test_a_half_restored_host_is_not_deployed_to():
    seen = {"backups": {"log": None, "schedule": "", "restore_cut_off": False}}
    refuse_half_restored({"data1": seen}, "trial")
    seen["backups"]["restore_cut_off"] = True
    with pytest.raises(ConfigurationError, match="restore was cut off") as caught:
        refuse_half_restored({"app1": bare(), "data1": seen}, "trial")
    assert caught.value.where == "data1"
