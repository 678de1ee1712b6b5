"""Which release a rollback goes to."""

from __future__ import annotations

import pytest

from gateway.commands import rollback as module
from gateway.commands.rollback import choose, refuse_old_secrets, rollback, wanted_number
from gateway.console import Reporter
from gateway.errors import ConfigurationError
from gateway.secret import Secret
from gateway.vault import Vault
from tests.unit.situations import load, release, running


def host(current, releases, **outcomes):
    """Return what of a snapshot the choice looks at; outcomes as `r1="good"`."""
    history = [{"release": name[1:], "outcome": outcome, "command": "deploy"} for name, outcome in outcomes.items()]
    return {"current": current, "releases": releases, "history": history}


def host_after(*words):
    """Return the same of a host on which good releases were deployed (`3`), rolled back to (`<3`), or failed.

    `!3` failed when it was deployed, `?3` when somebody went back to it.
    """
    kinds = {"<": ("rollback", "good"), "!": ("deploy", "failed"), "?": ("rollback", "failed")}
    history = [
        {"release": word.strip("<!?"), "command": kind[0], "outcome": kind[1]}
        for word in words
        if (kind := kinds.get(word[0], ("deploy", "good")))
    ]
    current = [entry["release"] for entry in history if entry["outcome"] == "good"][-1]
    return {"current": current, "releases": sorted({entry["release"] for entry in history}), "history": history}


def fleet(*hosts):
    return {f"app{number}": seen for number, seen in enumerate(hosts, 1)}


ALL = ["1", "2", "3", "4"]
GOOD = {"r1": "good", "r2": "good", "r3": "good", "r4": "good"}


def test_the_newest_good_one_before_the_current():
    assert choose(fleet(host("4", ALL, **GOOD)), None, "lab") == "3"


def test_one_that_failed_is_never_chosen():
    assert choose(fleet(host("4", ALL, **{**GOOD, "r3": "failed"})), None, "lab") == "2"


def test_one_that_failed_on_any_host_is_never_chosen():
    seen = fleet(host("4", ALL, **GOOD), host("4", ALL, **{**GOOD, "r3": "failed"}))
    assert choose(seen, None, "lab") == "2"
    assert choose(dict(reversed(seen.items())), None, "lab") == "2"


def test_one_that_was_never_verified_is_not_chosen():
    assert choose(fleet(host("4", ALL, r1="good", r4="good")), None, "lab") == "1"


def test_it_must_be_on_every_host():
    assert choose(fleet(host("4", ALL, **GOOD), host("4", ["1", "4"], **GOOD)), None, "lab") == "1"


def test_after_a_rollback_the_next_one_goes_further_back_and_not_forward():
    assert choose(fleet(host("2", ALL, **GOOD)), None, "lab") == "1"


@pytest.mark.parametrize(
    ("words", "to"),
    [
        (["1", "2", "<1", "3"], "1"),  # not 2, from which somebody went away
        (["1", "2", "3", "<1", "4", "5"], "4"),
        (["1", "2", "3", "4", "<3", "<2"], "1"),
        (["1", "2", "<1", "3", "<2", "4"], "2"),  # somebody went to 2 again
        (["1", "2", "<1", "3", "<2"], "1"),
        (["1", "2", "3", "<2", "<3"], "2"),  # forward again: nobody had a reason to leave 2
        (["1", "2", "?1", "3"], "2"),  # that rollback led nowhere
        (["1", "2", "2", "!3", "4"], "2"),
        (["1", "2", "3", "?2"], "2"),  # Ctrl-C, or a fault that has passed
        (["1", "2", "3", "?2", "?2", "4"], "3"),
        (["1", "2", "<1", "?2", "3", "?1"], "1"),
        (["1", "!2", "3", "?2"], "1"),
    ],
)
def test_what_was_rolled_back_from_is_not_gone_back_to(words, to):
    assert choose(fleet(host_after(*words)), None, "lab") == to


def test_a_rollback_that_failed_may_be_tried_again():
    seen = fleet(host_after("1", "2", "3", "?2"), host_after("1", "2", "3"))
    assert choose(seen, 2, "lab") == "2"
    assert choose(seen, None, "lab") == "2"


@pytest.mark.parametrize("words", [["1", "?2", "3"], ["1", "3"]], ids=["and failed when gone back to", "nor tried"])
def test_what_no_deploy_brought_to_its_end_is_gone_back_to_by_its_number_only(words):
    seen = {**host_after(*words), "releases": ["1", "2", "3"]}
    assert choose(fleet(seen), None, "lab") == "1"
    assert choose(fleet(seen), 2, "lab") == "2"  # it is verified on arrival, as every other


def test_what_one_host_was_rolled_back_from_no_other_goes_back_to():
    seen = fleet(host_after("1", "2", "3"), host_after("1", "2", "<1", "3"))
    assert choose(seen, None, "lab") == "1"


def test_where_only_those_are_left_a_number_is_asked_for():
    seen = {**host_after("1", "2", "<1", "3"), "releases": ["2", "3"]}
    with pytest.raises(ConfigurationError, match="rolled back from count with --to only"):
        choose(fleet(seen), None, "lab")
    assert choose(fleet(seen), 2, "lab") == "2"


def test_a_number_may_also_lead_forward_again():
    assert choose(fleet(host("2", ALL, **GOOD)), 4, "lab") == "4"


@pytest.mark.parametrize(
    ("seen", "to", "words"),
    [
        (fleet(host("4", ALL, **GOOD)), 9, "release 9 is not on every host"),
        (fleet(host("4", ALL, **GOOD), host("4", ["4"], **GOOD)), 3, "release 3 is not on every host"),
        (fleet(host("4", ALL, **{**GOOD, "r3": "failed"})), 3, "release 3 failed"),
        (fleet(host("4", ALL, **GOOD)), 4, "release 4 is what runs already"),
        (fleet(host("1", ALL, **GOOD)), None, "no earlier good release"),
        (fleet(host(None, [])), None, "no earlier good release"),
        ({}, None, "no earlier good release"),
    ],
)
def test_what_cannot_be_gone_back_to(seen, to, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        choose(seen, to, "lab")
    assert caught.value.next_step == "invoke history --env lab"


def test_hosts_on_different_releases_can_be_brought_to_one():
    assert choose(fleet(host("4", ALL, **GOOD), host("3", ALL, **GOOD)), 3, "lab") == "3"


@pytest.mark.parametrize(("text", "number"), [("", None), ("4", 4), ("4-1c9a8d2f3b70", 4)])
def test_a_number_is_read(text, number):
    assert wanted_number(text) == number


def test_no_number_is_refused():
    with pytest.raises(ConfigurationError, match="`latest` is no release number"):
        wanted_number("latest")


def test_an_older_release_is_not_started_against_a_newer_schema(tmp_path, monkeypatch):
    def migrations(*names):
        return {"postgres": {"files": list(names)}, "clickhouse": {"files": []}}

    def of(*names):
        made = release()
        return type(made)({**made.manifest, "migrations": migrations(*names)}, made.files)

    history = [{"release": name, "outcome": "good", "command": "deploy"} for name in ("1-a", "2-b")]
    seen = running(of("1_a.sql", "2_b.sql"), "2-b", releases=["1-a", "2-b"], history=history)

    class Older(Talk):
        """A host whose older release knows one migration less."""

        def request(self, verb, **_):
            older = {"manifest": of("1_a.sql").manifest, "missing_images": [], "marks": {}}
            return older if verb == "manifest" else {}

    monkeypatch.setattr("gateway.transport.fleet.converse", lambda *_: Older())
    monkeypatch.setattr(module, "observe_unlocked", lambda inventory, *_: dict.fromkeys(inventory.selected, seen))

    class Project:
        inventory = load(tmp_path)
        vault = VAULT
        reporter = Reporter(quiet=True)

    with pytest.raises(ConfigurationError, match=r"migrated beyond this release, by 2_b.sql") as caught:
        rollback(Project, None, lambda: True, as_json=True)
    assert "migrations.compatible: [2_b.sql]" in caught.value.next_step
    Project.inventory = load(tmp_path, "migrations.compatible=[2_b.sql]")
    assert rollback(Project, None, lambda: False, as_json=True)["outcome"] == "not confirmed"


def test_an_app_host_does_not_go_back_to_another_helicone_alone(tmp_path, monkeypatch):
    history = [{"release": name, "outcome": "good", "command": "deploy"} for name in ("1-a", "2-b")]
    seen = running(release(), "2-b", releases=["1-a", "2-b"], history=history)
    older = {"manifest": release().manifest, "missing_images": [], "marks": {}}

    class Older(Talk):
        """A host that holds a release of before."""

        def request(self, verb, **_):
            return older if verb == "manifest" else {}

    monkeypatch.setattr("gateway.transport.fleet.converse", lambda *_: Older())
    monkeypatch.setattr(module, "observe_unlocked", lambda inventory, *_: dict.fromkeys(inventory.selected, seen))

    class Project:
        inventory = load(tmp_path, limit="app1")
        vault = VAULT
        reporter = Reporter(quiet=True)

    assert rollback(Project, None, lambda: False, as_json=True)["outcome"] == "not confirmed"
    older["manifest"] = {**release().manifest, "upstream": "b" * 40}
    with pytest.raises(ConfigurationError, match="--limit leaves out the host that runs"):
        rollback(Project, None, lambda: False, as_json=True)


class Talk:
    """A host that answers every request."""

    def request(self, verb, **_):
        return {"manifest": release().manifest, "missing_images": []} if verb == "manifest" else {}

    def keep_lease(self, _):
        """Do nothing."""

    def close(self):
        """Do nothing."""


def test_a_host_that_moved_since_the_choice_is_left_alone(tmp_path, monkeypatch):
    """Between the look and the lease another command may have finished a deploy."""
    history = [{"release": name, "outcome": "good", "command": "deploy"} for name in ("1-a", "2-b")]
    before = running(release(), "2-b", releases=["1-a", "2-b"], history=history)
    looks = [before, {**before, "current": "3-c"}]
    monkeypatch.setattr("gateway.transport.fleet.converse", lambda *_: Talk())
    for name in ("observe", "observe_unlocked"):
        monkeypatch.setattr(module, name, lambda inventory, *_: dict.fromkeys(inventory.selected, looks.pop(0)))
    monkeypatch.setattr(module, "carry_out", lambda *_: pytest.fail("nothing may be switched"))

    class Project:
        inventory = load(tmp_path)
        vault = Vault({"fingerprint_key": Secret("ab" * 32)})
        reporter = Reporter(quiet=True)

    with pytest.raises(ConfigurationError, match="changed since the plan was made"):
        rollback(Project, None, lambda: True, as_json=True)


KEY = bytes.fromhex("ab" * 32)
VAULT = Vault({"fingerprint_key": Secret("ab" * 32), "postgres_password": Secret("today")})


def seen(password):
    """Return a host that runs a release with this password, and the marks of one."""
    made = release(files={".env": f'PASSWORD="{password}"\n', "compose.override.yml": ""})
    return {"app1": running(made)}, {"app1": {"marks": {"PASSWORD": Secret(password).fingerprint(KEY)}}}


def test_a_release_from_before_a_rotation_is_not_gone_back_to_unasked():
    observed, _ = seen("today")
    _, older = seen("leaked-once")
    with pytest.raises(ConfigurationError, match="from before PASSWORD got new values") as caught:
        refuse_old_secrets("3-c", older, observed, VAULT, "lab")
    assert caught.value.next_step.startswith("invoke rollback --env lab --to 3 --old-secrets")
    assert "leaked-once" not in str(caught.value)


def test_a_release_with_todays_secrets_is_gone_back_to():
    observed, older = seen("today")
    refuse_old_secrets("3-c", older, observed, VAULT, "lab")


def test_secrets_that_run_now_are_nothing_new_even_if_the_vault_is_ahead():
    observed, older = seen("edited-since-and-not-deployed")
    refuse_old_secrets("3-c", older, observed, VAULT, "lab")


def test_where_one_host_was_cut_off_on_its_way_the_release_that_the_others_run_is_gone_back_to():
    assert choose(fleet(host("4", ALL, r3="good"), host("3", ALL, r3="good")), None, "lab") == "3"
