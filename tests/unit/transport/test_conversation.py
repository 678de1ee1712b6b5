"""Conversations with a real agent: what holds when either end dies, stalls or makes noise."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from gateway.agent import lease as leases
from gateway.agent.store import Store
from gateway.errors import ConfigurationError, UnreachableError
from gateway.transport.conversation import AgentError
from tests.unit.situations import release

NAME = "1-aaaaaaaaaaaa"


def holder(machine):
    return leases.show(Store(str(machine.root)))


def test_opening_and_looking_change_nothing(machine):
    conversation = machine.talk()
    assert conversation.request("run", command="echo $LC_ALL; umask")["stdout"] == "C.UTF-8\n0077\n"
    assert not machine.root.exists()


@pytest.mark.fault("F20")
@pytest.mark.parametrize(
    "noise",
    ["echo Welcome; echo; ", "printf 'Last login: never'; ", "cat /dev/zero | head -c 300000 >&2; ", "seq 100000; "],
)
def test_a_noisy_login_is_no_obstacle(machine, monkeypatch, noise):
    for name in ("head", "seq"):
        (machine.bin / name).symlink_to(shutil.which(name, path="/usr/bin:/bin"))
    machine.command = noise + machine.command
    assert machine.talk().request("run", command="echo ok")["stdout"] == "ok\n"


@pytest.mark.parametrize(
    ("program", "script", "words"),
    [
        ("python3", None, "there is no python3 on the host"),
        ("sudo", None, "there is no sudo on the host"),
        ("sudo", "echo 'sudo: a password is required' >&2; exit 1", "sudo refused: a password is required"),
        ("sudo", "echo 'sudo: python3: command not found' >&2; exit 1", "there is no python3 on the host"),
    ],
)
def test_a_host_that_cannot_run_the_agent_says_why(machine, monkeypatch, program, script, words):
    (machine.bin / program).unlink(missing_ok=True)
    if script:
        machine.program(program, script)
    if program == "sudo":
        machine.command = f"sudo -n {machine.command}"
    with pytest.raises(ConfigurationError, match=words) as caught:
        machine.talk()
    assert caught.value.exit_code == 2
    assert caught.value.next_step
    assert str(caught.value).count("unaffected") == 1


def test_an_agent_that_never_starts_is_unreachable(machine):
    machine.program("python3", "echo 'Segmentation fault' >&2; exit 139")
    with pytest.raises(UnreachableError, match="Segmentation fault"):
        machine.talk()


def test_what_the_agent_cannot_do_is_an_answer(machine):
    conversation = machine.talk()
    with pytest.raises(AgentError, match="unknown verb 'explode'"):
        conversation.request("explode")
    with pytest.raises(AgentError, match="KeyError: 'command'"):
        conversation.request("run")
    assert conversation.request("run", command="exit 3")["code"] == 3


def test_large_answers_and_odd_bytes(machine):
    conversation = machine.talk()
    (machine.bin / "head").symlink_to(shutil.which("head", path="/usr/bin:/bin"))
    done = conversation.request("run", command=r"printf '\377'; head -c 3000000 /dev/zero; printf x >&2")
    assert done["stdout"].encode(errors="surrogateescape") == b"\xff" + bytes(3000000)
    assert done["stderr"] == "x"


def test_one_command_at_a_time(machine):
    first, second = machine.talk(), machine.talk()
    machine.lease(first, "ann")
    with pytest.raises(AgentError, match="ann is running `deploy`") as caught:
        machine.lease(second, "bob")
    assert caught.value.kind == "locked"
    first.close()
    machine.lease(second, "bob")
    assert holder(machine)["owner"] == "bob"


@pytest.mark.parametrize("verb", ["prepare", "stage", "pull", "switch", "retire", "prune"])
def test_nothing_is_changed_without_the_lease(machine, verb):
    first, second = machine.talk(), machine.talk()
    machine.lease(first, "ann")
    with pytest.raises(AgentError, match="does not hold the host's lease; ann is running `deploy`"):
        second.request(verb, release=NAME, images=[], project="p", keep=1, protected=[], engine=False)
    assert not list((machine.root / "releases").iterdir())


def test_a_killed_session_frees_the_host_at_once(machine, eventually):
    first = machine.talk()
    machine.lease(first, "ann")
    machine.kill(first)
    eventually(lambda: holder(machine) is None)
    machine.lease(machine.talk(), "bob")


def test_heartbeats_keep_the_lease_and_disturb_nothing(machine, eventually):
    conversation = machine.talk()
    machine.lease(conversation)
    before = json.loads((machine.root / "state" / "lease.json").read_text())["expires"]
    conversation.keep_lease(0.01)
    for number in range(50):
        assert conversation.request("run", command=f"echo {number}")["stdout"] == f"{number}\n"
    eventually(lambda: json.loads((machine.root / "state" / "lease.json").read_text())["expires"] > before)


def test_a_release_arrives_and_old_ones_go(machine):
    conversation = machine.talk()
    machine.lease(conversation)
    for number in (1, 2, 3, 4):
        identifier = f"{number}-aaaaaaaaaaaa"
        archive = release().pack(identifier)
        digest = hashlib.sha256(archive).hexdigest()
        conversation.request("stage", payload=archive, release=identifier, sha256=digest)
    removed = conversation.request("prune", keep=2, protected=["1-aaaaaaaaaaaa", None])["removed"]
    assert removed == ["2-aaaaaaaaaaaa"]


@pytest.mark.fault("F1")
@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_an_upload_cut_short_leaves_nothing(machine, eventually, share):
    archive = release().pack(NAME)
    conversation = machine.talk()
    machine.lease(conversation)
    line = json.dumps({"verb": "stage", "payload_bytes": len(archive), "release": NAME}).encode()
    conversation.stream.send(line + b"\n" + archive[: int(len(archive) * share)])
    conversation.close()
    assert list((machine.root / "releases").iterdir()) == []
    assert holder(machine) is None


def test_a_lost_connection_says_what_to_do_and_closing_it_is_quiet(machine):
    conversation = machine.talk()
    machine.kill(conversation)
    with pytest.raises(UnreachableError, match="connection was lost") as caught:
        conversation.request("run", command="true", payload=bytes(1 << 22))
    assert "invoke status" in caught.value.next_step
    conversation.close()
    with pytest.raises(UnreachableError):
        conversation.request("run", command="true")
