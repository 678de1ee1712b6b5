"""The steps of a deploy around the rollout itself."""

from __future__ import annotations

import contextlib
import copy

import pytest

from gateway.commands import deploy as module
from gateway.commands.deploy import prune, refuse_moved
from gateway.console import Reporter
from gateway.errors import ConfigurationError, UnreachableError
from gateway.plan.operations import Run
from tests.unit.situations import load, release, running


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


def test_a_version_that_must_not_follow_the_running_one_is_refused_before_anything_is_planned(tmp_path, monkeypatch):
    def dated(date, **migrations):
        made = release()
        files = {store: {"files": names} for store, names in migrations.items()}
        return type(made)(
            {**made.manifest, "code": {"commit": "c", "date": date}, "migrations": files or None}, made.files
        )

    class Project:
        inventory = load(tmp_path)
        releases = dict.fromkeys(inventory.selected, dated("2026-07-21T00:00:00Z"))

    seen = {}
    monkeypatch.setattr(module, "connected", lambda *_: contextlib.nullcontext({}))
    monkeypatch.setattr(module, "observe", lambda *_: seen)
    seen |= dict.fromkeys(Project.inventory.selected, running(dated("2025-08-11T00:00:00Z")))
    with pytest.raises(ConfigurationError, match="the hard stop legacy-tables lies between"):
        module.plan(Project, as_json=True)
    new = dated("2026-07-21T00:00:00Z", postgres=["1_a.sql", "2_b.sql"], clickhouse=[])
    seen |= dict.fromkeys(Project.inventory.selected, running(new))
    Project.releases = dict.fromkeys(
        Project.inventory.selected, dated("2026-07-21T00:00:00Z", postgres=["1_a.sql"], clickhouse=[])
    )
    with pytest.raises(ConfigurationError, match=r"migrated beyond this release, by 2_b\.sql"):
        module.plan(Project, as_json=True)
