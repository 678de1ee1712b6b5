"""The lease: who holds a host, and when that ends."""

from __future__ import annotations

import json
import subprocess

import pytest

from gateway.agent import lease
from gateway.agent.failure import StepFailed
from gateway.agent.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "trial"))


@pytest.fixture
def sleeper():
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def read(store):
    return json.loads((store.state / "lease.json").read_text())


def write(store, **changes):
    (store.state / "lease.json").write_text(json.dumps({**read(store), **changes}))


def as_other(store, process):
    """Make the lease another process's."""
    write(store, session={"process": process, "start": lease.process_start(process)})


def test_a_host_that_nobody_holds(store):
    assert lease.show(store) is None
    assert not store.root.exists()


def test_a_lease_says_whose_it_is_and_locks_the_next_out(store):
    lease.take(store, "ann@desk", "deploy", 30)
    with pytest.raises(StepFailed, match=r"ann@desk is running `deploy` .* since \d{4}-.* \(\d+ s\)") as caught:
        lease.take(store, "bob@desk", "rollback", 30)
    assert caught.value.kind == "locked"
    lease.release(store)
    lease.take(store, "bob@desk", "rollback", 30)
    assert lease.show(store)["owner"] == "bob@desk"


@pytest.mark.fault("F5")
def test_another_environment_of_the_same_host_is_waited_for_and_named(store, sleeper):
    """They share the host's ports, packages and firewall, which only one of them may be about to change."""
    second = Store(str(store.root.with_name("second")))
    lease.take(second, "bob", "deploy", 30)
    with pytest.raises(StepFailed, match=r"bob is running `deploy` for second on this host since") as caught:
        lease.take(store, "ann", "deploy", 30)
    assert caught.value.kind == "locked"
    assert caught.value.as_dict()["environment"] == "second"
    assert lease.show(store) is None, "it is not this environment's"
    lease.renew(second, worker=sleeper)
    write(second, session={"process": 1 << 30, "start": "5"})
    with pytest.raises(StepFailed) as caught:
        lease.take(store, "ann", "deploy", 30)
    assert caught.value.kind == "orphaned"
    lease.break_lease(store)  # is no way around it
    assert lease.show(second)
    write(second, worker=None)
    lease.take(store, "ann", "deploy", 30)


@pytest.mark.fault("F2")
def test_a_stalled_command_that_comes_to_life_again_finds_that_another_environment_took_the_host(store, monkeypatch):
    second = Store(str(store.root.with_name("second")))
    start = lease.uptime()
    lease.take(store, "ann", "deploy", 30)
    monkeypatch.setattr(lease, "uptime", lambda: start + 31)
    lease.take(second, "bob", "rollback", 30)
    lease.renew(store)  # the heartbeat that was late
    assert lease.show(store) is None
    with pytest.raises(StepFailed, match=r"bob is running `rollback` for second there now") as caught:
        lease.require(store)
    assert caught.value.kind == "locked"
    assert not lease.is_ours_alone(store)
    assert lease.show(second)["owner"] == "bob"


@pytest.mark.parametrize("content", [b"[]", b"7", b"{}", b'{"boot": "other"}', b"\xff", b"{"])
def test_what_is_no_lease_binds_nobody(store, content):
    """The folder of the environments may be one that programs of others have theirs in, too."""
    stranger = store.root.with_name("stranger") / "state" / "lease.json"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(content)
    lease.take(store, "ann", "deploy", 30)
    assert stranger.read_bytes() == content
    lease.release(store)
    stranger.rename(store.state / "lease.json")
    assert lease.show(store) is None
    lease.take(store, "ann", "deploy", 30)
    assert lease.show(store)


@pytest.mark.fault("F2")
def test_silence_ends_it_and_a_heartbeat_does_not_let_it(store, monkeypatch):
    start = lease.uptime()
    lease.take(store, "ann", "deploy", 30)
    monkeypatch.setattr(lease, "uptime", lambda: start + 29)
    assert lease.show(store)
    lease.renew(store)
    monkeypatch.setattr(lease, "uptime", lambda: start + 58)
    assert lease.show(store)
    monkeypatch.setattr(lease, "uptime", lambda: start + 60)
    assert lease.show(store) is None


@pytest.mark.fault("F11")
def test_a_wall_clock_a_day_off_changes_nothing(store, monkeypatch):
    lease.take(store, "ann", "deploy", 30)
    monkeypatch.setattr(lease.time, "time", lambda: 0.0)
    assert lease.show(store)["seconds"] == 0


def test_a_reboot_ends_it(store, monkeypatch):
    lease.take(store, "ann", "deploy", 30)
    monkeypatch.setattr(lease, "boot_id", lambda: "another")
    assert lease.show(store) is None


def test_the_end_of_its_process_ends_it(store, sleeper):
    lease.take(store, "ann", "deploy", 30)
    as_other(store, sleeper)
    assert lease.show(store)
    write(store, session={"process": sleeper, "start": "1"})  # the number was given to a younger process
    assert lease.show(store) is None


def test_a_worker_keeps_it_alone_whatever_the_time(store, sleeper, monkeypatch):
    lease.take(store, "ann", "deploy", 30)
    lease.renew(store, worker=sleeper)
    lease.release(store)
    write(store, session={"process": 1 << 30, "start": "5"})
    monkeypatch.setattr(lease, "uptime", lambda: 1e9)
    holder = lease.show(store)
    assert holder["working"]
    assert holder["orphaned"]
    with pytest.raises(StepFailed) as caught:
        lease.take(store, "bob", "deploy", 30)
    assert caught.value.kind == "orphaned"
    with pytest.raises(StepFailed, match="still changing"):
        lease.break_lease(store)


def test_a_worker_whose_controller_is_gone_is_orphaned(store, sleeper):
    lease.take(store, "ann", "deploy", 30)
    lease.renew(store, worker=sleeper)
    assert not lease.show(store)["orphaned"]
    lease.renew(store, lost=True)
    assert lease.show(store)["orphaned"]


def test_a_stalled_connection_that_wakes_up_finds_that_the_host_is_not_its_own(store, sleeper):
    lease.take(store, "ann", "deploy", 30)
    lease.require(store)
    as_other(store, sleeper)
    write(store, owner="bob")
    with pytest.raises(StepFailed, match="bob is running `deploy`") as caught:
        lease.require(store)
    assert caught.value.kind == "locked"
    lease.renew(store)
    lease.release(store)
    assert lease.show(store)["owner"] == "bob"


def test_nobody_may_change_a_host_without_a_lease(store):
    with pytest.raises(StepFailed, match="nobody holds it"):
        lease.require(store)
    assert not store.root.exists()


def test_a_broken_lease_is_gone_and_says_whose_it_was(store):
    lease.take(store, "ann", "deploy", 30)
    assert lease.break_lease(store)["owner"] == "ann"
    assert lease.show(store) is None
    with pytest.raises(StepFailed):
        lease.require(store)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_a_lease_file_torn_by_a_crash_is_no_lease(store, content):
    store.create()
    (store.state / "lease.json").write_bytes(content)
    lease.take(store, "ann", "deploy", 30)
    assert lease.show(store)["owner"] == "ann"
