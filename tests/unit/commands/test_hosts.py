"""Pinning host keys: what is written, and a known_hosts that cannot be."""

from __future__ import annotations

import contextlib

import paramiko
import pytest

from gateway.commands import hosts as module
from gateway.commands.hosts import trust
from gateway.errors import ConfigurationError
from gateway.inventory import load_inventory
from tests.unit.situations import PROJECT

HOSTS = """
all:
  hosts: {one: {connection: {address: 192.0.2.1, port: 2200}}}
  children: {data: {hosts: {one: }}, app: {hosts: {one: }}, edge: {hosts: {one: }}}
"""
OTHER = "192.0.2.2 ssh-ed25519 AAAA"


@pytest.fixture
def inventory(tmp_path):
    folder = tmp_path / "inventory" / "test"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text(HOSTS)
    (tmp_path / "roles").symlink_to(PROJECT / "roles")
    return load_inventory(tmp_path, "test")


@pytest.fixture
def key(monkeypatch):
    """Let every host present this key; the list has the time-outs with which it was asked."""
    made, asked = paramiko.ECDSAKey.generate(), []
    monkeypatch.setattr(module.socket, "create_connection", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(module, "scan_host_key", lambda _, timeout: asked.append(timeout) or made)
    return made, asked


def test_a_key_is_pinned_once_and_said_so(inventory, key, capsys):
    made, _ = key
    path = inventory.path / "known_hosts"
    path.write_text(OTHER + "\n")
    line = f"[192.0.2.1]:2200 {made.get_name()} {made.get_base64()}"
    assert trust(inventory, "one", lambda _: True, as_json=False)["pinned"]
    assert path.read_text().splitlines() == [OTHER, line]
    assert path.stat().st_mode & 0o777 == 0o644
    assert "known_hosts; put it under version control" in capsys.readouterr().out
    assert trust(inventory, "one", lambda _: pytest.fail("it is pinned"), as_json=True)["pinned"]
    assert path.read_text().splitlines() == [OTHER, line]
    assert capsys.readouterr().out == ""


def test_that_another_key_goes_is_part_of_the_question(inventory, key):
    """A changed key may be another machine's: whoever says yes has to know that there was one."""
    path, asked = inventory.path / "known_hosts", []
    path.write_text(f"{OTHER}\n[192.0.2.1]:2200 ssh-ed25519 AAAA\n")
    trust(inventory, "one", lambda question: not asked.append(question), as_json=True)
    path.write_text(f"{OTHER}\n")
    trust(inventory, "one", lambda question: not asked.append(question), as_json=True)
    assert ["in the place of another one" in question for question in asked] == [True, False]
    assert len(path.read_text().splitlines()) == 2


def test_what_was_not_confirmed_is_not_pinned(inventory, key, capsys):
    assert not trust(inventory, "one", lambda _: False, as_json=False)["pinned"]
    assert not (inventory.path / "known_hosts").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("make", "words"), [
    (lambda path: path.mkdir(), "is a directory"),
    (lambda path: path.write_bytes(bytes(range(256))), "no UTF-8 text"),
])  # fmt: skip
def test_a_file_that_is_no_good_is_told_before_anybody_compares_a_fingerprint(inventory, key, make, words):
    path = inventory.path / "known_hosts"
    make(path)
    with pytest.raises(ConfigurationError, match=words) as caught:
        trust(inventory, "one", lambda _: pytest.fail("asked"), as_json=False)
    assert "known_hosts" in caught.value.where
    assert caught.value.next_step
    assert key[1] == []


def test_a_known_hosts_that_is_a_link_stays_one(inventory, key, tmp_path):
    shared, path = tmp_path / "shared", inventory.path / "known_hosts"
    shared.write_text(OTHER + "\n")
    path.symlink_to(shared)
    trust(inventory, "one", lambda _: True, as_json=True)
    assert path.is_symlink()
    assert len(shared.read_text().splitlines()) == 2
