"""The verbs about backups: which error an operator gets for what an agent says, and ages in words."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest

from gateway.commands import backup, restore
from gateway.errors import (
    BackupError,
    ConfigurationError,
    InDoubtError,
    RolledBackError,
    UnreachableError,
    VerificationError,
)
from gateway.secret import Secret
from gateway.transport.conversation import AgentError
from tests.unit.fake_fleet import Fleet
from tests.unit.situations import load


def failure(kind: str, step: str = "dump") -> AgentError:
    return AgentError("data1", {"step": step, "message": "pg_dump wrote nothing", "kind": kind, "logs": ["x"]})


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    made = Fleet(load(tmp_path))
    monkeypatch.setattr(backup, "converse", lambda host, inventory: made.run.conversations[host.name])
    monkeypatch.setattr(type(made.run.conversations["data1"]), "__enter__", lambda self: self, raising=False)
    monkeypatch.setattr(type(made.run.conversations["data1"]), "__exit__", lambda self, *_: None, raising=False)
    return made


def project(fleet):
    return SimpleNamespace(inventory=fleet.run.inventory, vault=fleet.run.vault, reporter=fleet.run.reporter)


def verbs(fleet):
    return [(host, verb) for host, verb, _ in fleet.asked if verb != "keep_lease"]


@pytest.mark.parametrize(("kind", "error"), [("failed", BackupError), ("configuration", ConfigurationError)])
def test_a_backup_that_fails_says_what_is_unaffected(fleet, kind, error):
    fleet.answers["data1", "backup"] = failure(kind)
    with pytest.raises(error, match="pg_dump wrote nothing"):
        backup.backup(project(fleet), as_json=True)
    assert verbs(fleet) == [("data1", "lease"), ("data1", "backup")]


def test_where_no_set_was_made_yet_the_operator_is_told_how_to_make_one(fleet):
    fleet.answers["data1", "sets"] = failure("configuration", "open the repository")
    with pytest.raises(ConfigurationError) as caught:
        backup.backups(project(fleet), as_json=True)
    assert caught.value.next_step.startswith("the first set is made by: invoke backup --env")


def test_a_backup_says_what_is_not_in_it(fleet, capsys):
    made = {"set": "1", "bytes": 2e6, "added": 1e6, "seconds": 3, "removed": ["0"], "not_in_the_set": ["clickhouse"]}
    fleet.answers["data1", "backup"] = made
    assert backup.backup(project(fleet), as_json=False)["set"] == "1"
    out = capsys.readouterr().out
    assert "set 1 is proven: 2.0 MB, 1.0 MB of it new" in out
    assert "removed by the policy: 0" in out
    assert "external" in out


@pytest.mark.parametrize(
    ("kind", "error"),
    [("content", VerificationError), ("configuration", ConfigurationError), ("failed", BackupError)],
)
def test_a_drill_that_fails_tells_a_bad_set_from_a_bad_host(fleet, kind, error):
    fleet.answers["data1", "drill"] = failure(kind, "compare")
    with pytest.raises(error):
        backup.drill(project(fleet), "", as_json=True)


def test_without_bundled_stores_there_is_nothing_to_back_up(tmp_path):
    modes = [f"{name}.mode=external" for name in ("postgres", "clickhouse", "object_store")]
    places = ["postgres.host=pg", "clickhouse.url=http://ch:8123", "object_store.endpoint=http://s3:9000"]
    with pytest.raises(ConfigurationError, match="all stores are external"):
        backup.stores_host(load(tmp_path, *modes, *places))


@pytest.fixture
def restoring(fleet, monkeypatch):
    """Let the whole fleet be connected, a set be there, and the verification find nothing."""
    chosen = {
        "id": "1", "project": "helicone-trial", "state": "proven", "time": "2026-01-01T00:00:00Z",
        "manifest": {"postgres": {"t": [3, "1"]}, "clickhouse": {"r": {"rows": [1, 2]}}, "objects": None},
    }  # fmt: skip
    fleet.answers["data1", "look_at_set"] = chosen
    conversations = fleet.run.conversations
    monkeypatch.setattr(restore, "connected", lambda *_: contextlib.nullcontext(conversations))
    monkeypatch.setattr(restore, "observe_unlocked", lambda *_: {})
    monkeypatch.setattr(restore, "verification_gate", lambda run: lambda names: [])
    monkeypatch.setattr(type(restore.CreateAccount("a", "b")), "apply", lambda self, run: None)
    return fleet


def run_restore(fleet, wanted="1", yes=True, source=""):
    return restore.restore(project(fleet), wanted, source, lambda: yes, as_json=True)


@pytest.fixture
def requests(restoring, monkeypatch):
    """Return the arguments of what hosts are asked, by verb."""
    kind, found = type(restoring.run.conversations["data1"]), {}
    plain = kind.request

    def request(self, verb, *rest, **more):
        found[verb] = more
        return plain(self, verb, *rest, **more)

    monkeypatch.setattr(kind, "request", request)
    return found


def test_a_set_of_another_environment_is_looked_for_and_fetched_with_that_ones_keys(
    restoring, requests, tmp_path, monkeypatch
):
    """The stores get the passwords of here: those of there are in the set, and stay there."""
    asked = []
    there = {"backup_password": "theirs", "backup_s3_access_key": "a", "backup_s3_secret_key": "s"}
    other = SimpleNamespace(
        inventory=load(tmp_path / "other", "backup.repository=s3:https://s/b"),
        vault={name: Secret(text) for name, text in there.items()},
    )
    other.deployed = lambda: other
    monkeypatch.setattr(restore, "open_project", lambda name, *_: asked.append(name) or other)
    assert run_restore(restoring, source="production")["outcome"] == "restored"
    assert asked == ["production"]
    elsewhere = {
        "repository": "s3:https://s/b", "password": "theirs", "s3_access_key": "a", "s3_secret_key": "s"
    }  # fmt: skip
    assert [requests[verb]["elsewhere"] for verb in ("look_at_set", "restore")] == [elsewhere, elsewhere]
    assert requests["restore"]["secrets"]["postgres"] == "postgres_password"
    run_restore(restoring)
    assert requests["restore"]["elsewhere"] is None


def test_a_restore_stops_what_writes_and_starts_it_again(restoring):
    assert run_restore(restoring)["outcome"] == "restored"
    order = [one for one in verbs(restoring) if one[1] in ("halt", "restore", "resume")]
    assert sorted(order[:2]) == [("app1", "halt"), ("app2", "halt")]
    assert order[2] == ("data1", "restore")
    assert sorted(order[3:]) == [("app1", "resume"), ("app2", "resume")]


def test_the_hosts_are_told_which_restore_they_stand_still_for(restoring, requests):
    run_restore(restoring)
    assert requests["halt"]["reason"].endswith("'s restore of set 1")


def test_a_restore_settles_an_upgrade_that_was_cut_off(restoring, monkeypatch):
    note = {"set": "1", "release": "1-old", "applied": ["2_b.sql"]}
    seen = {"data1": {"backups": {"upgrade": note}}}
    monkeypatch.setattr(restore, "observe_unlocked", lambda *_: seen)
    run_restore(restoring)
    after = verbs(restoring)[verbs(restoring).index(("data1", "restore")) :]
    assert ("app1", "tell_recorder") in after
    assert after[-1] == ("data1", "end_upgrade")


def test_gateways_do_not_read_keys_while_the_stores_are_filled(restoring, monkeypatch):
    kind, resumed = type(restoring.run.conversations["app1"]), {}
    plain = kind.request

    def request(self, verb, *rest, **more):
        if verb == "resume":
            resumed[self.name] = more["services"]
        return plain(self, verb, *rest, **more)

    monkeypatch.setattr(kind, "request", request)
    run_restore(restoring)
    assert resumed == {"app1": ["jawn", "web", "keys"], "app2": ["jawn", "web", "keys"]}


def test_without_a_yes_nothing_is_touched(restoring):
    assert run_restore(restoring, yes=False)["outcome"] == "not confirmed"
    assert verbs(restoring) == [("data1", "look_at_set")]


def test_a_restore_needs_the_name_of_a_set(restoring):
    with pytest.raises(ConfigurationError, match="no set was named"):
        run_restore(restoring, wanted="")


def test_a_set_that_does_not_fit_changes_nothing(restoring):
    restoring.answers["data1", "look_at_set"] = failure("configuration", "choose")
    with pytest.raises(ConfigurationError):
        run_restore(restoring)
    assert verbs(restoring) == [("data1", "look_at_set")]


def test_after_a_restore_that_was_undone_what_was_stopped_runs_again(restoring):
    restoring.answers["data1", "restore"] = failure("failed", "compare")
    with pytest.raises(RolledBackError):
        run_restore(restoring)
    assert {one for one in verbs(restoring) if one[1] == "resume"} == {("app1", "resume"), ("app2", "resume")}


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (failure("doubt", "compare"), "puts the old data back"),
        (UnreachableError("the connection was lost: EOF", where="data1: restore"), "waits for that one to end"),
        (KeyboardInterrupt(), "waits for that one to end"),
    ],
)
def test_nothing_reads_or_writes_stores_that_may_still_be_filled(restoring, ends, words):
    """The host goes on without the controller: jawn would write into half a set, and keys read half a list."""
    restoring.answers["data1", "restore"] = ends
    with pytest.raises(InDoubtError) as caught:
        run_restore(restoring)
    assert words in caught.value.next_step
    assert [one for one in verbs(restoring) if one[1] == "resume"] == []


@pytest.mark.parametrize(
    ("seconds", "words"), [(60, "1 minutes"), (7300, "2 hours"), (90_000, "25 hours"), (864_000, "10 days")]
)
def test_ages_are_said_as_people_do(seconds, words):
    assert backup.age_in_words(seconds) == words


def test_status_tells_ages_failures_and_a_schedule_that_nothing_starts():
    entry = {"age": 3600.0, "set": "1", "cause": ""}
    log = {
        "backup": entry,
        "drill": None,
        "failed_backup": {**entry, "cause": "the target is full"},
        "failed_drill": None,
    }
    lines = backup.state_in_words({"log": log, "schedule": "nothing", "restore_cut_off": False, "upgrade": None})
    assert lines == [
        "last good backup 60 minutes ago (1)",
        "the last backup failed 60 minutes ago: the target is full",
        "no good drill yet",
        "scheduled backups do not run: there is neither systemd nor cron",
    ]
    nothing = {"log": None, "schedule": "", "restore_cut_off": False, "upgrade": None}
    assert backup.state_in_words({**nothing, "schedule": "cron"}) == ["no backup was made yet"]
    assert backup.state_in_words(nothing) == []
    note = {"set": "7", "release": "1-old", "applied": ["2_b.sql"]}
    assert "invoke restore --from 7" in backup.state_in_words({**nothing, "upgrade": note})[0]
    assert "deploy again" in backup.state_in_words({**nothing, "upgrade": {**note, "applied": []}})[0]
    cut_off = {**nothing, "restore_cut_off": True}
    assert "restore again" in backup.state_in_words(cut_off)[0]
    assert "start Docker, then look again" in backup.state_in_words(cut_off, docker_runs=False)[0]
