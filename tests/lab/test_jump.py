"""A host that is reached only through another one."""

from __future__ import annotations

import shutil

import pytest

from tests.lab.command import ROOT, invoke

pytestmark = pytest.mark.usefixtures("deployed")


@pytest.fixture
def behind():
    """Make an environment whose data host has a private address only, behind app1, and no key pinned."""
    folder = ROOT / "inventory" / "behind"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "inventory" / "lab", folder)
    (folder / "known_hosts").unlink()
    text = (folder / "hosts.yml").read_text()
    old = "address: 172.30.87.13"
    assert old in text
    (folder / "hosts.yml").write_text(text.replace(old, "address: 172.30.88.13\n        jump: root@172.30.87.11", 1))
    yield "behind"
    shutil.rmtree(folder)


def test_keys_are_pinned_through_the_jump_host_and_then_it_answers(behind):
    refused = invoke("status", "--env", behind, "--limit", "data1")
    assert refused.code == 3
    assert "is not pinned" in refused.text
    pinned = invoke("hosts.trust", "--env", behind, "--host", "data1", "--yes", "--json")
    assert pinned.code == 0, pinned.text
    assert pinned.data()["pinned"]
    known = (ROOT / "inventory" / behind / "known_hosts").read_text()
    assert known.splitlines()[0].startswith("172.30.87.11 ssh-ed25519 ")
    assert known.splitlines()[1].startswith("172.30.88.13 ssh-ed25519 ")
    answered = invoke("status", "--env", behind, "--limit", "data1")
    assert answered.code == 0, answered.text
    assert "no release" in answered.out
