"""Old releases and images."""

from __future__ import annotations

import pytest

from gateway.commands.prune import prune
from gateway.errors import ConfigurationError, LockedError
from tests.unit.situations import entry, release, running, service
from tests.unit.talks import Talk, project

RELEASE = release(service("jawn"))
NAMES = ["1-a", "2-b", "3-c"]
# The last good one before the current is 1-a: 2-b failed.
SEEN = running(
    RELEASE, "3-c", releases=NAMES,
    history=[entry("1-a", "good"), entry("2-b", "failed"), entry("3-c", "good")],
)  # fmt: skip
FOUND = {"releases": ["2-b"], "images": [{"image": "jawn:0@sha256:aa", "bytes": 7 << 20}]}
NOTHING = {"releases": [], "images": []}


class Kept(Talk):
    """A conversation whose lease can be kept."""

    def keep_lease(self, seconds):
        self.asked.append(("keep_lease", {}))


@pytest.fixture
def talks():
    answers = {
        "snapshot": SEEN, "prunable": NOTHING, "lease": {}, "prune": {"removed": ["2-b"]},
        "remove_images": {"removed": ["jawn:0@sha256:aa"]},
    }  # fmt: skip
    return {name: Kept(dict(answers)) for name in ("app1", "app2", "data1")}


@pytest.fixture
def ours(tmp_path, monkeypatch, talks):
    return project(tmp_path, monkeypatch, talks)


def verbs(talk):
    return [verb for verb, _ in talk.asked]


def test_what_a_rollback_would_take_is_protected(ours, talks):
    prune(ours, lambda: True, as_json=True)
    (order,) = [arguments for verb, arguments in talks["app1"].asked if verb == "prunable"]
    assert order == {"keep": 5, "protected": ["3-c", "1-a"]}


def test_releases_that_were_rolled_back_from_take_no_place_of_others(ours, talks):
    back = entry("1-a", "good", command="rollback")
    history = [entry("1-a", "good"), entry("2-b", "good"), back, entry("3-c", "good")]
    for talk in talks.values():
        talk.answers["snapshot"] = {**SEEN, "history": history}
    prune(ours, lambda: True, as_json=True)
    (order,) = [arguments for verb, arguments in talks["app1"].asked if verb == "prunable"]
    assert order == {"keep": 6, "protected": ["3-c", "1-a"]}


def test_nothing_to_remove_asks_for_no_lease(ours, talks, capsys):
    assert prune(ours, lambda: pytest.fail("not asked"), as_json=False)["outcome"] == "nothing to remove"
    assert "lease" not in verbs(talks["app1"])
    assert capsys.readouterr().out == "nothing to remove\n"


def test_it_shows_first_and_does_nothing_without_a_yes(ours, talks, capsys):
    talks["app1"].answers["prunable"] = FOUND
    assert prune(ours, lambda: False, as_json=False)["outcome"] == "not confirmed"
    assert not {"lease", "prune", "remove_images"} & set(verbs(talks["app1"]))
    shown = capsys.readouterr().out
    assert "2-b" in shown
    assert "jawn:0" in shown
    assert "7 MB" in shown


def test_what_was_shown_is_removed_under_the_lease(ours, talks):
    talks["app1"].answers["prunable"] = FOUND
    result = prune(ours, lambda: True, as_json=True)
    assert result["outcome"] == "removed"
    assert result["removed"]["app1"] == {"releases": ["2-b"], "images": ["jawn:0@sha256:aa"]}
    asked = dict(talks["app1"].asked)
    assert asked["prune"] == {"keep": 5, "protected": ["3-c", "1-a"]}
    assert asked["remove_images"] == {"images": ["jawn:0@sha256:aa"]}
    assert verbs(talks["app1"]).index("lease") < verbs(talks["app1"]).index("prune")


def test_a_host_that_is_being_changed_is_left_alone(ours, talks):
    lease = {"owner": "ann@desk", "command": "deploy", "since": "10:00", "seconds": 7, "orphaned": False}
    talks["app2"].answers["snapshot"] = {**SEEN, "lease": lease}
    with pytest.raises(LockedError, match="ann@desk is running `deploy`"):
        prune(ours, lambda: True, as_json=False)


def test_a_host_that_changed_meanwhile_is_left_alone(ours, talks):
    looks = iter([SEEN, {**SEEN, "current": "4-d"}])
    talks["app1"].answers["prunable"] = FOUND
    talks["app1"].answers["snapshot"] = lambda *_, **__: next(looks)
    with pytest.raises(ConfigurationError, match="the host changed"):
        prune(ours, lambda: True, as_json=False)
    assert "prune" not in verbs(talks["app1"])
