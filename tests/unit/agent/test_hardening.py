"""The files that harden sshd and let updates come: written only when sshd would run with them."""

from __future__ import annotations

import pytest

from gateway.agent import hardening
from gateway.agent.failure import StepFailed
from gateway.agent.hardening import Sshd, Updates

PROJECT = "helicone-x"
TEXT = "# hardened\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
EFFECTIVE = "passwordauthentication no\npermitrootlogin without-password\nx11forwarding yes\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a host whose sshd accepts every file and shows `shown` as its configuration."""
    (tmp_path / "shown").write_text(EFFECTIVE)
    (tmp_path / "sshd").write_text(
        f'#!/bin/sh\n[ "$1" = -T ] && exec cat {tmp_path}/shown\n'
        f"[ ! -e {tmp_path}/broken ] || {{ echo 'line 2: Bad configuration option' >&2; exit 255; }}\n"
    )
    (tmp_path / "sshd").chmod(0o755)
    told = []
    monkeypatch.setattr(hardening, "SSHD_FOLDER", tmp_path)
    monkeypatch.setattr(hardening, "UPDATES_FOLDER", tmp_path)
    monkeypatch.setattr(hardening, "_TOOLS", str(tmp_path))
    monkeypatch.setattr(hardening, "_reload", lambda: told.append("reload"))
    return tmp_path, told


def test_sshd_is_told_once(machine):
    folder, told = machine
    Sshd.put(PROJECT, TEXT)
    Sshd.put(PROJECT, TEXT)
    assert (folder / "00-helicone-x.conf").read_text() == TEXT
    assert told == ["reload"]
    assert Sshd.in_force(PROJECT, TEXT)
    Sshd.put(PROJECT, None)
    assert not (folder / "00-helicone-x.conf").exists()
    assert told == ["reload", "reload"]
    assert Sshd.in_force(PROJECT, None)


@pytest.mark.parametrize("before", [None, "# older\n"])
def test_what_sshd_refuses_is_never_told_to_it(machine, before):
    folder, told = machine
    file = folder / "00-helicone-x.conf"
    if before:
        file.write_text(before)
    (folder / "broken").touch()
    with pytest.raises(StepFailed, match="line 2: Bad configuration option"):
        Sshd.put(PROJECT, TEXT)
    assert (file.read_text() if file.exists() else None) == before
    assert told == []


def test_a_file_that_sshd_does_not_read_is_no_hardening(machine):
    folder, told = machine
    (folder / "shown").write_text("passwordauthentication yes\n")
    with pytest.raises(StepFailed, match="does sshd_config include"):
        Sshd.put(PROJECT, TEXT)
    assert told == []
    assert not Sshd.in_force(PROJECT, TEXT)


def test_another_file_that_wins_is_seen(machine):
    folder, _ = machine
    Sshd.put(PROJECT, TEXT)
    (folder / "shown").write_text(EFFECTIVE.replace("authentication no", "authentication yes"))
    assert not Sshd.in_force(PROJECT, TEXT)


def test_updates_are_a_file_for_apt(machine):
    folder, _ = machine
    Updates.put(PROJECT, "updates\n")
    assert (folder / "60helicone-x").read_text() == "updates\n"
    assert (folder / "60helicone-x").stat().st_mode & 0o777 == 0o644
    assert Updates.in_force(PROJECT, "updates\n")
    Updates.put(PROJECT, None)
    assert Updates.in_force(PROJECT, None)
