"""What a boot brings back: the rules that were confirmed, and sshd as it was confirmed."""

from __future__ import annotations

import subprocess

import pytest

from gateway.agent import boot, guard_boot, hardening
from gateway.agent.store import Store

PROJECT = "helicone-x"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a host whose folders are temporary ones and whose nft writes down what it is given."""
    monkeypatch.setattr(boot, "INIT_SCRIPTS", tmp_path / "init.d")
    monkeypatch.setattr(boot, "SYSTEMD", tmp_path)
    monkeypatch.setattr(boot, "_run", lambda *command: None)
    monkeypatch.setattr(hardening, "SSHD_FOLDER", tmp_path)
    (tmp_path / "nft").write_text(f'#!/bin/sh\ncp "$2" {tmp_path}/loaded\n')
    (tmp_path / "nft").chmod(0o755)
    store = Store(str(tmp_path / "environment"))
    store.create()
    guard_boot.folder(store).mkdir()
    guard_boot.install(store, PROJECT)
    return tmp_path, guard_boot.folder(store)


def start(folder):
    script = folder / "init.d" / f"{PROJECT}-firewall"
    script.write_text(script.read_text().replace("PATH=", f"PATH={folder}:"))
    subprocess.run([script, "start"], check=True)


def test_the_confirmed_rules_are_loaded(machine):
    folder, kept = machine
    (kept / "firewall.nft").write_text("the rules")
    start(folder)
    assert (folder / "loaded").read_text() == "the rules"


def test_without_rules_there_is_nothing_to_do(machine):
    folder, _ = machine
    start(folder)
    assert not (folder / "loaded").exists()


@pytest.mark.parametrize("confirmed", ["keys only", None])
def test_what_was_not_confirmed_before_the_boot_is_taken_back(machine, confirmed):
    folder, kept = machine
    sshd = folder / f"00-{PROJECT}.conf"
    sshd.write_text("new")
    (kept / guard_boot.PENDING).write_text("{}")
    if confirmed:
        (kept / "sshd.conf").write_text(confirmed)
    start(folder)
    assert (sshd.read_text() if sshd.exists() else None) == confirmed
    assert not (kept / guard_boot.PENDING).exists()


def test_it_goes_without_a_trace(machine):
    folder, _ = machine
    guard_boot.remove(PROJECT)
    assert not (folder / "init.d" / f"{PROJECT}-firewall").exists()
    assert not list(folder.glob("*.service"))
