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


MARKER = "[192.0.2.1]:2200"


def old_lines(name=MARKER, count=1):
    made = [paramiko.ECDSAKey.generate() for _ in range(count)]
    return [f"{name} {key.get_name()} {key.get_base64()}" for key in made]


def pinned_key(inventory):
    """Return the key that a connection would compare with."""
    return paramiko.HostKeys(str(inventory.path / "known_hosts")).lookup(MARKER)["ecdsa-sha2-nistp256"]


def test_a_key_under_a_hashed_name_is_replaced(inventory, key):
    """Paramiko takes the first that it finds: an old one that stayed would be compared with for ever."""
    path, asked = inventory.path / "known_hosts", []
    hashed, other = paramiko.HostKeys.hash_host(MARKER), paramiko.HostKeys.hash_host("192.0.2.2")
    path.write_text("\n".join([*old_lines(hashed), *old_lines(other), "|1|no|hash ssh-ed25519 AAAA"]) + "\n")
    kept = path.read_text().splitlines()[1:]
    assert trust(inventory, "one", lambda question: not asked.append(question), as_json=True)["pinned"]
    assert "in the place of another one" in asked[0]
    assert path.read_text().splitlines()[:-1] == kept
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "no|hash" not in line))
    assert pinned_key(inventory) == key[0]


@pytest.mark.parametrize("name", [MARKER, paramiko.HostKeys.hash_host(MARKER)], ids=["plain", "hashed"])
def test_a_key_that_is_pinned_behind_another_one_is_not_taken_for_pinned(inventory, key, name):
    """As after a trust that left the hashed one in its place, or two branches that were merged."""
    path, asked = inventory.path / "known_hosts", []
    trust(inventory, "one", lambda _: True, as_json=True)
    path.write_text("\n".join(old_lines(name)) + "\n" + path.read_text())
    assert trust(inventory, "one", lambda question: not asked.append(question), as_json=True)["pinned"]
    assert "in the place of another one" in asked[0]
    assert pinned_key(inventory) == key[0]
    assert len(path.read_text().splitlines()) == 1
    trust(inventory, "one", lambda _: pytest.fail("it is pinned"), as_json=True)


def test_the_same_key_under_a_hashed_name_is_no_other_one(inventory, key):
    path, asked = inventory.path / "known_hosts", []
    made, _ = key
    path.write_text(f"{paramiko.HostKeys.hash_host(MARKER)} {made.get_name()} {made.get_base64()}\n")
    trust(inventory, "one", lambda question: not asked.append(question), as_json=True)
    assert "in the place of another one" not in asked[0]
    assert len(path.read_text().splitlines()) == 1


def test_keys_of_other_types_stay_beside_one_that_is_pinned(inventory, key):
    path = inventory.path / "known_hosts"
    trust(inventory, "one", lambda _: True, as_json=True)
    both = f"{MARKER} ssh-ed25519 AAAA\n" + path.read_text()
    path.write_text(both)
    assert trust(inventory, "one", lambda _: pytest.fail("it is pinned"), as_json=True)["pinned"]
    assert path.read_text() == both


@pytest.mark.parametrize("space", [" ", "\t"])
def test_of_several_names_on_a_line_only_the_hosts_own_goes(inventory, key, space):
    path = inventory.path / "known_hosts"
    names = ["one.example", MARKER, paramiko.HostKeys.hash_host(MARKER), "192.0.2.9"]
    path.write_text(f"{','.join(names)}{space}ssh-ed25519{space}AAAA its comment\n\n# a note\n  {MARKER} x y\n")
    trust(inventory, "one", lambda _: True, as_json=True)
    assert path.read_text().splitlines()[:-1] == [
        f"one.example,192.0.2.9{space}ssh-ed25519{space}AAAA its comment", "", "# a note",
    ]  # fmt: skip


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
