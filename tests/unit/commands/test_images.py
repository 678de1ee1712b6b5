"""Asking the registry for digests through a host, which may lack Docker."""

from __future__ import annotations

import contextlib

import pytest

from gateway.commands import images as module
from gateway.commands.images import lock
from gateway.errors import ConfigurationError, LockedError
from gateway.inventory import load_inventory
from gateway.transport.conversation import AgentError
from tests.unit.situations import PROJECT, bare

DIGEST = "sha256:" + "1" * 64
HOSTS = """
all:
  hosts: {one: {connection: {transport: local}}}
  children: {data: {hosts: {one: }}, app: {hosts: {one: }}, edge: {hosts: {one: }}}
"""


class Host:
    """A conversation with a host whose engine and Compose have these versions; `refusals` by verb."""

    def __init__(self, engine, compose, **refusals):
        self.facts = {**bare()["facts"], "engine": engine, "compose": compose}
        self.refusals = refusals
        self.asked = []

    def request(self, verb, on_event=None, payload=b"", **arguments):
        self.asked.append(verb)
        if verb in self.refusals:
            kind = self.refusals[verb]
            raise AgentError("one", {"step": verb, "message": f"{verb} is refused", "kind": kind, "logs": []})
        answers = {
            "snapshot": {"facts": self.facts},
            "resolve": {"digests": dict.fromkeys(arguments.get("images", ()), DIGEST)},
        }
        return answers.get(verb, {})

    def keep_lease(self, seconds):
        self.asked.append("keep_lease")


@pytest.fixture
def inventory(tmp_path):
    folder = tmp_path / "inventory" / "test"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text(HOSTS)
    (tmp_path / "roles").symlink_to(PROJECT / "roles")
    return load_inventory(tmp_path, "test")


@pytest.fixture
def locked(inventory, monkeypatch, tmp_path):
    """Return a function that asks through a host and returns what was asked of it."""
    program = tmp_path / "docker-compose"
    program.write_bytes(b"program")
    monkeypatch.setattr(module, "compose_program", lambda: program)

    def ask(host, as_json=True):
        monkeypatch.setattr(module, "converse", lambda *_: contextlib.nullcontext(host))
        lock(inventory, as_json)
        return host.asked

    return ask


def test_a_host_with_docker_is_only_asked(locked, inventory):
    assert locked(Host("20.10.24", "2.24.4")) == ["snapshot", "resolve"]
    assert f"caddy:2.10-alpine: {DIGEST}\n" in (inventory.path / "images.lock.yml").read_text()


def test_a_lock_that_cannot_be_written_is_told_before_a_host_is_asked(locked, inventory):
    host = Host("20.10.24", "2.24.4")
    (inventory.path / "images.lock.yml").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        locked(host)
    assert host.asked == []


@pytest.mark.parametrize("versions", [(None, None), ("20.10.24", None), ("20.10.24", "2.17.0")])
def test_a_host_without_docker_or_compose_is_prepared_under_a_lease(locked, versions):
    assert locked(Host(*versions)) == ["snapshot", "lease", "keep_lease", "prepare", "resolve"]


def test_a_host_at_work_is_left_alone(locked, inventory):
    host = Host(None, None, lease="locked")
    with pytest.raises(LockedError, match="lease is refused"):
        locked(host)
    assert host.asked == ["snapshot", "lease"]
    assert not (inventory.path / "images.lock.yml").exists()


@pytest.mark.parametrize(
    ("verb", "next_step"), [("snapshot", "on the host"), ("prepare", "on the host"), ("resolve", "image's name")]
)
def test_what_is_said_next_is_about_what_failed(locked, inventory, verb, next_step):
    with pytest.raises(ConfigurationError) as caught:
        locked(Host(None, None, **{verb: "failed"}))
    assert next_step in caught.value.next_step
    assert not (inventory.path / "images.lock.yml").exists()


def test_what_is_new_moved_and_gone_is_told(locked, inventory, capsys):
    path = inventory.path / "images.lock.yml"
    path.write_text(f"caddy:2.10-alpine: sha256:{'0' * 64}\nold:1: {DIGEST}\nenvoyproxy/envoy:v1.40.0: {DIGEST}\n")
    locked(Host("20.10.24", "2.24.4"), as_json=False)
    shown = capsys.readouterr().out
    assert "moved  caddy:2.10-alpine" in shown
    assert "gone   old:1" in shown
    assert "new    postgres:17.4" in shown
    assert "envoyproxy/envoy" not in shown


def test_a_lock_that_cannot_be_read_is_replaced(locked, inventory):
    path = inventory.path / "images.lock.yml"
    path.write_text("caddy: nothing\n")
    locked(Host("20.10.24", "2.24.4"))
    assert f"caddy:2.10-alpine: {DIGEST}\n" in path.read_text()
