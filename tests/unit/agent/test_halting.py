"""Services that stand still for a while: only what ran is stopped, and what comes back has to be healthy."""

from __future__ import annotations

import pytest

from gateway.agent import halting, sets
from tests.unit.agent.backup_situations import host


def container(service: str, running: bool = True) -> dict:
    return {
        "Id": f"id-{service}", "State": {"Running": running},
        "Config": {"Labels": {"com.docker.compose.service": service}},
    }  # fmt: skip


def test_only_the_named_ones_that_run_are_stopped(monkeypatch):
    stopped = []
    found = [container("jawn"), container("web", running=False), container("egress")]
    monkeypatch.setattr(halting.engine, "containers", lambda _: found)
    monkeypatch.setattr(halting.engine, "stop", lambda identifiers, seconds: stopped.append((identifiers, seconds)))
    assert halting.halt("helicone-trial", ["jawn", "web"]) == {"stopped": ["jawn"]}
    assert stopped == [(["id-jawn"], "60")]


@pytest.fixture
def done(monkeypatch):
    """Return what was started and waited for."""
    done = []
    monkeypatch.setattr(halting.compose, "up", lambda store, project, services, redact: done.append(("up", services)))
    monkeypatch.setattr(
        halting.health, "wait_until_ready", lambda project, services, *_: done.append(("healthy", services))
    )
    return done


def test_what_comes_back_is_waited_for(tmp_path, done):
    store = host(tmp_path, services=("egress", "jawn", "web"))
    assert halting.resume(store, "helicone-trial", ["jawn", "web"], lambda **_: None) == {"started": ["jawn", "web"]}
    assert done == [("up", ["jawn", "web"]), ("healthy", ["jawn", "web"])]


def test_what_the_release_here_does_not_have_keeps_nothing_else_down(tmp_path, done):
    """The inventory may give the host a role that its release is yet to get."""
    store = host(tmp_path, services=("jawn", "web"))
    words = ("helicone-trial", ["jawn", "web", "keys"], lambda **_: None)
    assert halting.resume(store, *words) == {"started": ["jawn", "web"]}
    assert done == [("up", ["jawn", "web"]), ("healthy", ["jawn", "web"])]
    done.clear()
    assert halting.resume(store, "helicone-trial", ["keys"], lambda **_: None) == {"started": []}
    assert done == []


def test_the_secrets_file_is_kept_private_and_replaced(tmp_path):
    store = host(tmp_path)
    for text in (b"age one", b"age one", b"age two"):
        sets.keep_secrets(store, text)
    kept = store.state / "secrets.yml.age"
    assert kept.read_bytes() == b"age two"
    assert kept.stat().st_mode & 0o777 == 0o600
