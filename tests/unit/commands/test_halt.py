"""Services that are to stand still for a while."""

from __future__ import annotations

import pytest

from gateway.commands.halt import halt
from gateway.errors import ConfigurationError
from tests.unit.situations import release, running, service
from tests.unit.talks import Talk, project

APP = running(release(service("jawn"), service("keys")), "3-c")
DATA = running(release(service("db", "data")), "3-c")


class Kept(Talk):
    """A conversation whose lease can be kept."""

    def keep_lease(self, seconds):
        self.asked.append(("keep_lease", {}))


@pytest.fixture
def talks():
    seen = {"app1": APP, "app2": APP, "data1": DATA}
    return {name: Kept({"snapshot": found, "lease": {}, "halt": {}}) for name, found in seen.items()}


@pytest.fixture
def ours(tmp_path, monkeypatch, talks):
    return project(tmp_path, monkeypatch, talks)


def verbs(talk):
    return [verb for verb, _ in talk.asked]


def test_it_shows_where_they_run_and_does_nothing_without_a_yes(ours, talks, capsys):
    result = halt(ours, "jawn", lambda: False, as_json=False)
    assert (result["outcome"], result["stopped"]) == ("not confirmed", {})
    assert {"app1", "app2"} <= set(capsys.readouterr().out.split())
    assert [name for name, talk in talks.items() if {"lease", "halt"} & set(verbs(talk))] == []


def test_they_are_stopped_under_the_lease_where_they_run(ours, talks, capsys):
    result = halt(ours, "jawn, keys", lambda: True, as_json=False)
    assert result["stopped"] == {"app1": ["jawn", "keys"], "app2": ["jawn", "keys"]}
    assert [arguments["services"] for verb, arguments in talks["app1"].asked if verb == "halt"] == [["jawn", "keys"]]
    assert verbs(talks["app1"]).index("lease") < verbs(talks["app1"]).index("halt")
    assert "halt" not in verbs(talks["data1"])
    assert "invoke deploy --env trial" in capsys.readouterr().out


def test_what_stands_still_already_asks_nobody(ours, talks):
    for name in ("app1", "app2"):
        still = [{**one, "state": "exited"} for one in APP["containers"]]
        talks[name].answers["snapshot"] = {**APP, "containers": still}
    assert halt(ours, "keys", lambda: pytest.fail("asked"), as_json=True)["outcome"] == "no changes"


@pytest.mark.parametrize(("words", "message"), [("", "no service was named"), ("jwan", "did you mean `jawn`")])
def test_a_service_has_to_be_named_and_known(ours, words, message):
    with pytest.raises(ConfigurationError, match=message):
        halt(ours, words, lambda: True, as_json=True)
