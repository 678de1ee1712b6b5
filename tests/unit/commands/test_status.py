"""What hosts say of themselves, as the operator reads it."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from gateway.commands import status as module
from gateway.commands.status import history, host_status, status, unlock
from gateway.errors import UnreachableError
from gateway.transport.conversation import AgentError
from gateway.verify.outside import Answer
from tests.unit.situations import bare, container, entry, load, release, running, service

RELEASE = release(service("jawn"), service("web"))
LEASE = {
    "owner": "ann@desk", "command": "deploy", "since": "2026-01-01 10:00:00 UTC", "seconds": 7,
    "working": True, "orphaned": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (running(RELEASE), "ok"),
        (bare(), "no release"),
        (running(RELEASE, containers=[container("jawn")]), "drifted: web (not there)"),
        (
            running(RELEASE, containers=[container("jawn", state="exited"), container("web")]),
            "drifted: jawn (it is exited)",
        ),
        (running(RELEASE, modes={".env": "644 0", "compose.override.yml": "644 0"}), "drifted: .env"),
        (running(RELEASE, history=[]), "running, but its deploy was cut off before the verification; deploy again"),
        (running(RELEASE, history=[], lease=LEASE), "busy: deploy is at work"),
        (
            running(RELEASE, interrupted={"step": "switching", "release": "2-b", "previous": "1-a"}),
            "interrupted: was switching from 1-a to 2-b; deploy again",
        ),
        (
            running(RELEASE, interrupted={"step": "switching", "release": "1-a", "previous": None}),
            "interrupted: was switching from nothing to 1-a; deploy again",
        ),
        (
            running(RELEASE, interrupted={"step": "retiring", "release": None, "previous": "1-a"}),
            "interrupted: was switching from 1-a to nothing; deploy again",
        ),
    ],
)  # fmt: skip
def test_a_host_in_a_word(seen, state):
    assert host_status(seen)["state"] == state


def test_services_show_health_state_or_that_they_are_missing():
    seen = running(RELEASE, containers=[container("jawn", health="", state="exited"), container("other", health="")])
    assert host_status(seen)["services"] == {"jawn": "exited", "other": "running", "web": "missing"}


class Talk:
    """A host whose snapshot is given."""

    def __init__(self, seen):
        self.seen = seen
        self.unlocked = False

    def request(self, verb, **_):
        if verb == "unlock" and self.seen["lease"]["working"]:
            raise AgentError("app1", {"step": "unlock", "message": "still changing this host", "kind": "locked"})
        self.unlocked |= verb == "unlock"
        if isinstance(self.seen, Exception):
            raise self.seen
        return self.seen

    def close(self):
        """Do nothing."""


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    """Give app1, app2 and data1 the snapshots, or errors, of the dictionary that is returned beside the inventory."""
    talks = {name: Talk(running(RELEASE)) for name in ("app1", "app2", "data1")}

    def converse(host, _):
        if talks[host.name] is None:
            raise UnreachableError("no connection: timed out", where=f"{host.name}: connect")
        return talks[host.name]

    monkeypatch.setattr("gateway.transport.fleet.converse", converse)
    return load(tmp_path), talks


def test_one_row_per_host_also_for_those_that_do_not_answer(fleet, capsys):
    inventory, talks = fleet
    talks["app1"] = None
    talks["app2"].seen = UnreachableError("the connection was lost", where="app2: snapshot")
    with pytest.raises(UnreachableError, match="2 of 3 hosts did not answer") as caught:
        status(inventory, as_json=False)
    assert {name: host["state"] for name, host in caught.value.report["hosts"].items()} == {
        "app1": "unreachable", "app2": "unreachable", "data1": "ok"
    }  # fmt: skip
    shown = capsys.readouterr().out
    for words in ("app1", "timed out", "app2", "the connection was lost", "data1", "1-aaaaaaaaaaaa", "jawn healthy"):
        assert words in shown


def test_the_runbooks_about_what_is_wrong_are_named(fleet, capsys):
    inventory, talks = fleet
    assert status(inventory, as_json=False)["runbooks"] == []
    assert "runbook" not in capsys.readouterr().out
    talks["app1"].seen = running(RELEASE, containers=[container("jawn", state="exited"), container("web")])
    page = "docs/runbooks/requests-not-in-the-ui.md"
    assert status(inventory, as_json=False)["runbooks"] == [page]
    assert f"runbook: {page}" in capsys.readouterr().out
    talks["app2"] = None
    with pytest.raises(UnreachableError) as caught:
        status(inventory, as_json=True)
    assert caught.value.report["runbooks"] == ["docs/runbooks/lost-host.md", page]


RECORDER = {
    "waiting": 1200, "waiting_bytes": 3 << 20, "spool_limit": 2 << 30, "oldest_seconds": 90.0,
    "delivered_per_second": 60.0, "dropped_total": 7, "gaps_total": 2, "refused_total": 0,
    "mirror_bytes": 5 << 20, "mirror_limit": 256 << 20,
}  # fmt: skip


@pytest.fixture
def edge(fleet, monkeypatch):
    """Let app1 be an edge with TLS whose recorder is behind; return the fleet."""
    seen = running(RELEASE, edge={"authority": "", "keys_age": 1.0, "recorder": RECORDER})
    seen["manifest"]["entrance"] = {"tls": "internal"}
    fleet[1]["app1"].seen = seen
    door = SimpleNamespace(gateway="https://10.0.0.1:8787", trust=None)
    monkeypatch.setattr(module, "door_of", lambda *_: door)
    answer = Answer(200, expires=time.time() + 86_400 * 41.3)
    monkeypatch.setattr(module.outside, "send", lambda url, trust: answer if url.endswith("8787/healthz") else Answer())
    return fleet


def test_an_edge_tells_its_backlog_its_losses_and_how_long_its_certificate_lasts(edge, capsys):
    result = status(edge[0], as_json=False)
    assert (
        "app1: 1200 records wait for Helicone (3 of 2048 MB), the oldest for 90 s, 60 delivered a second,"
        " 5 of 256 MB are taken by what was not taken down yet, 7 dropped because the spool was full,"
        " 2 passed without a record; certificate valid for 41.3 days\n"
    ) in capsys.readouterr().out
    hosts = result["hosts"]
    assert hosts["app1"]["certificate_days"] == pytest.approx(41.3, abs=0.02)
    assert (hosts["app1"]["recorder"], hosts["app1"]["keys_age"]) == (RECORDER, 1.0)
    assert [hosts[name]["certificate_days"] for name in ("app2", "data1")] == [None, None]


def test_the_ages_of_sets_drills_and_secrets_are_part_of_it(fleet, capsys, monkeypatch):
    inventory, talks = fleet
    good = {"age": 7200.0, "set": "20260101-033000", "cause": ""}
    log = {"backup": good, "drill": {**good, "age": 864_000.0}, "failed_backup": None, "failed_drill": None}
    backups = {"log": log, "schedule": "cron", "restore_cut_off": False, "upgrade": None}
    talks["data1"].seen = running(RELEASE, backups=backups)
    secrets = {
        "ages": {"admin_password": {"made": "2026-01-01T00:00:00+00:00", "days": 214.2}}, "unfinished": [],
        "still_valid": [], "seen_by": {},
    }  # fmt: skip
    monkeypatch.setattr(module, "ages_of", lambda _: secrets)
    result = status(inventory, as_json=False)
    shown = capsys.readouterr().out
    assert "data1: last good backup 2 hours ago (20260101-033000)\n" in shown
    assert "data1: last good drill 10 days ago (20260101-033000)\n" in shown
    assert "secrets: 214 days old: admin_password\n" in shown
    assert (result["hosts"]["data1"]["backups"], result["secrets"]) == (backups, secrets)


def test_a_lease_is_shown(fleet, capsys):
    inventory, talks = fleet
    talks["app1"].seen = running(RELEASE, lease=LEASE)
    status(inventory, as_json=False)
    assert "app1: ann@desk is running `deploy` since 2026-01-01 10:00:00 UTC" in capsys.readouterr().out


def test_json_prints_nothing_itself(fleet, capsys):
    status(fleet[0], as_json=True)
    history(fleet[0], as_json=True)
    unlock(fleet[0], force=False, as_json=True)
    assert capsys.readouterr().out == ""


def test_history_is_one_line_per_command_over_all_hosts(fleet, capsys):
    inventory, talks = fleet
    first, second = entry("1-a", "good"), entry("2-b", "failed", time=2.0, cause="app2: jawn exited")
    talks["app1"].seen = running(RELEASE, history=[first, second])
    talks["app2"].seen = running(RELEASE, history=[first, {**second, "time": 2.4}])
    talks["data1"] = None
    with pytest.raises(UnreachableError, match="1 of 3 hosts did not answer") as caught:
        history(inventory, as_json=False)
    result = caught.value.report
    assert [(one["release"], one["hosts"]) for one in result["history"]] == [
        ("1-a", ["app1", "app2"]), ("2-b", ["app1", "app2"])
    ]  # fmt: skip
    assert result["unreachable"] == ["data1"]
    shown = capsys.readouterr().out
    assert "jawn exited" in shown
    assert "timed out" in shown


@pytest.mark.parametrize(("force", "working", "unlocked", "refused"), [
    (False, False, False, {}),
    (True, False, True, {}),
    (True, True, False, {"app1": "still changing this host"}),
])  # fmt: skip
def test_unlock_shows_whose_it_is_and_never_breaks_into_work(fleet, capsys, force, working, unlocked, refused):
    inventory, talks = fleet
    talks["app1"].seen = running(RELEASE, lease={**LEASE, "working": working})
    result = unlock(inventory, force, as_json=False)
    assert result["leases"]["app1"]["owner"] == "ann@desk"
    assert result["refused"] == refused
    assert talks["app1"].unlocked is unlocked
    shown = capsys.readouterr().out
    assert "ann@desk" in shown
    assert all(message in shown for message in refused.values())


@pytest.mark.parametrize(("silent", "words"), [(["app1"], "no host that answered is locked"), (
    ["app1", "app2", "data1"], "")])  # fmt: skip
def test_nobody_says_of_a_host_that_did_not_answer_that_it_is_not_locked(fleet, capsys, silent, words):
    inventory, talks = fleet
    talks.update(dict.fromkeys(silent))
    with pytest.raises(UnreachableError) as caught:
        unlock(inventory, force=False, as_json=False)
    assert caught.value.report["unreachable"] == silent
    shown = capsys.readouterr().out
    assert words in shown
    assert "no host is locked" not in shown
    assert shown.count("timed out") == len(silent)


@pytest.mark.parametrize(
    ("lease", "words"),
    [
        (LEASE, "changing the host"),
        ({**LEASE, "working": False}, "connected"),
        ({**LEASE, "orphaned": True}, "its controller is gone; the host finishes by itself"),
    ],
)
def test_the_state_of_a_lease(lease, words):
    assert module._lease_state(lease) == words  # noqa: SLF001
