"""restic's repository as the agent uses it. A `docker` on PATH plays it from a list of snapshots."""

from __future__ import annotations

import itertools
import json

import pytest

from gateway.agent import backup_settings, restic
from gateway.agent.failure import StepFailed
from tests.unit.agent.backup_situations import PASSWORD, host

PASSED = ("RESTIC_PASSWORD", "RESTIC_REPOSITORY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
PROGRAM = """#!/usr/bin/env python3
import json, os, pathlib, sys
here = pathlib.Path({here!r})
words = sys.argv[sys.argv.index("restic:1@sha256:aa") + 1:]
with (here / "asked").open("a") as file:
    given = {{name: text for name, text in os.environ.items() if name in {passed!r}}}
    file.write(json.dumps([sys.argv[1:], given]) + "\\n")
(here / "entered").write_text(sys.stdin.read())
answer = json.loads((here / "answers").read_text()).get(words[0])
if answer:
    sys.stderr.write(answer[1])
    sys.exit(answer[0])
snapshots = json.loads((here / "snapshots").read_text())
if words[0] == "snapshots":
    print(json.dumps(snapshots))
elif words[0] == "tag":
    for one in snapshots:
        if words[words.index("--host") + 1] == one["hostname"] and words[words.index("--tag") + 1] in one["tags"]:
            if "--add" in words:
                one["tags"].append(words[words.index("--add") + 1])
            elif words[words.index("--remove") + 1] in one["tags"]:
                one["tags"].remove(words[words.index("--remove") + 1])
    (here / "snapshots").write_text(json.dumps(snapshots))
elif words[0] == "forget" and not words[1].startswith("--"):
    (here / "snapshots").write_text(json.dumps([one for one in snapshots if one["id"] not in words]))
elif words[0] == "backup":
    print('{{"message_type": "status"}}')
    print('{{"message_type": "summary", "snapshot_id": "f00"}}')
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    program = tmp_path / "docker"
    program.write_text(PROGRAM.format(here=str(tmp_path), passed=PASSED))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(restic.engine, "has_image", lambda _: True)
    (tmp_path / "answers").write_text("{}")
    (tmp_path / "snapshots").write_text("null")
    return tmp_path


@pytest.fixture
def settings(tmp_path):
    return backup_settings.load(host(tmp_path, repository=str(tmp_path / "sets")))


def snapshot(identifier, *tags, project="helicone-trial"):
    return {
        "id": f"snap{identifier}", "hostname": project, "time": "2026-01-01T03:30:00Z",
        "tags": [f"set-{identifier}", *tags],
    }  # fmt: skip


def hold(repository, *snapshots):
    (repository / "snapshots").write_text(json.dumps(list(snapshots)))


def asked(repository):
    return [json.loads(line) for line in (repository / "asked").read_text().splitlines()]


def test_passwords_are_no_arguments(repository, settings):
    restic.sets(settings)
    ((arguments, environment),) = asked(repository)
    assert PASSWORD not in " ".join(arguments)
    assert environment == {"RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": "/repository"}
    assert f"{settings.repository}:/repository" in arguments
    assert arguments[arguments.index("--network") + 1] == "none"


def test_an_address_is_reached_over_the_network(repository, tmp_path):
    settings = backup_settings.load(host(tmp_path, repository="sftp:me@host:/sets"))
    restic.sets(settings)
    ((arguments, environment),) = asked(repository)
    assert environment["RESTIC_REPOSITORY"] == "sftp:me@host:/sets"
    assert arguments[arguments.index("--network") + 1] == "host"
    assert "/root/.ssh:/root/.ssh:ro" in arguments
    (kept,) = [word for word in arguments if word.startswith("sftp.args=")]
    assert "ServerAliveInterval" in kept, "a server that vanishes would be waited for, the host's lease held, for ever"


def test_keys_of_an_s3_store_are_no_arguments_either(repository, tmp_path, monkeypatch):
    for name in PASSED:
        monkeypatch.delenv(name, raising=False)
    keys = {"password": "p", "s3_access_key": "the-access-key", "s3_secret_key": "the-secret-key"}
    settings = backup_settings.load(host(tmp_path), {"repository": "s3:https://s.example/b/c", **keys})
    restic.sets(settings)
    ((arguments, environment),) = asked(repository)
    assert environment == {
        "RESTIC_PASSWORD": "p", "RESTIC_REPOSITORY": "s3:https://s.example/b/c",
        "AWS_ACCESS_KEY_ID": "the-access-key", "AWS_SECRET_ACCESS_KEY": "the-secret-key",
    }  # fmt: skip
    assert [name for name in PASSED if ["--env", name] not in _pairs(arguments)] == []
    assert not [text for text in keys.values() if text in arguments]
    assert arguments[arguments.index("--network") + 1] == "host"


def _pairs(arguments):
    """Return each argument with the one behind it."""
    return [list(pair) for pair in itertools.pairwise(arguments)]


def test_a_set_is_what_its_tags_say(repository, settings):
    hold(repository, snapshot("2", "proven", "bad"), snapshot("1", "proven"), snapshot("3"))
    assert [(one["id"], one["state"]) for one in restic.sets(settings)] == [
        ("1", "proven"), ("2", "bad"), ("3", "unproven"),
    ]  # fmt: skip


def test_the_newest_proven_set_of_this_environment_is_chosen(repository, settings):
    hold(repository, snapshot("1", "proven"), snapshot("2", "bad"), snapshot("3", "proven", project="other"))
    assert restic.choose(settings, None)["id"] == "1"
    assert restic.choose(settings, "3")["project"] == "other"
    for wanted, words in (("2", "marked bad"), ("9", "no set 9 in the repository; it has 1, 2, 3")):
        with pytest.raises(StepFailed, match=words):
            restic.choose(settings, wanted)


def test_without_a_proven_set_there_is_none_to_choose(repository, settings):
    hold(repository, snapshot("1"))
    with pytest.raises(StepFailed, match="no proven set"):
        restic.choose(settings, None)


def test_a_set_that_turns_bad_is_proven_no_more(repository, settings):
    hold(repository, snapshot("1", "proven"))
    restic.mark(settings, "helicone-trial", "1", "bad")
    assert json.loads((repository / "snapshots").read_text())[0]["tags"] == ["set-1", "bad"]


def test_of_two_environments_that_made_sets_in_the_same_second_each_has_its_own(repository, settings):
    hold(repository, snapshot("1", "proven"), snapshot("1", "proven", project="other"))
    assert restic.choose(settings, "1")["project"] == "helicone-trial"
    restic.mark(settings, "other", "1", "bad")
    assert [one["state"] for one in restic.sets(settings) if one["project"] == "helicone-trial"] == ["proven"]


def test_only_proven_sets_count_for_the_policy_and_useless_ones_go_when_a_newer_one_is_proven(repository, settings):
    hold(repository, snapshot("1", "bad"), snapshot("2"), snapshot("3", "proven"), snapshot("4", "bad"))
    assert restic.retain(settings, "") == ["1", "2"]
    policy = next(arguments for arguments, _ in asked(repository) if "--keep-daily" in arguments)
    assert policy[policy.index("--tag") + 1] == "proven"
    assert policy[policy.index("--keep-last") + 1] == "5"
    assert "--keep-monthly" not in policy
    assert "--keep-tag" not in policy
    assert "--prune" in policy


def test_the_set_that_an_upgrade_is_undone_with_stays_whatever_the_policy_says(repository, settings):
    hold(repository, snapshot("1", "proven"), snapshot("2", "proven"))
    restic.retain(settings, "1")
    policy = next(arguments for arguments, _ in asked(repository) if "--keep-daily" in arguments)
    assert policy[policy.index("--keep-tag") + 1] == "set-1"


def test_the_set_that_an_upgrade_is_undone_with_stays_whatever_is_thought_of_it(repository, settings):
    hold(repository, snapshot("1", "bad"), snapshot("2", "bad"), snapshot("3", "proven"))
    assert restic.retain(settings, "1") == ["2"]


def test_without_a_proven_set_nothing_is_removed(repository, settings):
    hold(repository, snapshot("1", "bad"), snapshot("2"))
    assert restic.retain(settings, "") == []
    assert all("forget" not in arguments for arguments, _ in asked(repository))


@pytest.mark.parametrize(
    ("code", "stderr", "words", "kind"),
    [
        (12, "Fatal: wrong password or no key found", "backup_password does not open", "configuration"),
        (10, "Fatal: repository does not exist", "no backup was made yet", "configuration"),
        (1, '{"message_type":"exit_error","message":"no space left on device"}', "no space left", "failed"),
        (125, "docker: Error response from daemon", "Error response from daemon", "failed"),
        (3, "", "restic ended with code 3", "failed"),
        (1, f"bad password {PASSWORD}", r"\[redacted\]", "failed"),
    ],
)
def test_what_goes_wrong_is_told(repository, settings, code, stderr, words, kind):
    (repository / "answers").write_text(json.dumps({"snapshots": [code, stderr]}))
    with pytest.raises(StepFailed, match=words) as caught:
        restic.sets(settings)
    assert caught.value.kind == kind


def test_the_repository_is_made_on_first_use_only(repository, settings):
    (repository / "answers").write_text(json.dumps({"unlock": [10, ""]}))
    restic.open_repository(settings, create=True)
    assert [arguments[-1] for arguments, _ in asked(repository)] == ["unlock", "init"]
    with pytest.raises(StepFailed, match="there is no repository"):
        restic.open_repository(settings, create=False)


def test_another_password_takes_the_place_of_the_one_before(repository, settings):
    restic.change_password(settings, "the-new-one")
    ((arguments, environment),) = asked(repository)
    assert arguments[-4:] == ["key", "passwd", "--new-password-file", "/dev/stdin"]
    assert environment["RESTIC_PASSWORD"] == PASSWORD
    assert (repository / "entered").read_text() == "the-new-one"


def test_the_summary_is_the_last_line(repository, settings):
    assert restic.save(settings, "1", ())["snapshot_id"] == "f00"
