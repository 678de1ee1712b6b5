"""Runbooks of machines that are gone: the controller, an edge and app host, the data host."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from lab.containers import remove_container
from lab.hosts import find_host, host_container
from lab.keys import host_key
from lab.layout import KNOWN_HOSTS
from tests.lab.changing import deploy_until
from tests.lab.clients import HOSTS, ask, send, settled
from tests.lab.command import ROOT, authorities, invoke, lab, secret
from tests.lab.following import follow, looks, over
from tests.lab.runbook import TYPED
from tests.lab.stores import recorded
from tests.lab.test_backup import REPOSITORY, backup

pytestmark = pytest.mark.usefixtures("operators_machine")


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """Keep the project in version control, as an operator of the lab would, with the tools in place."""
    repository = tmp_path / "project"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(repository)], check=True)
    for name in ("known_hosts", "images.lock.yml", "secrets.yml.age"):
        shutil.copy(ROOT / "inventory/lab" / name, repository / "inventory/lab" / name)
    variables = repository / "inventory/lab/group_vars/all.yml"
    kept = [line for line in variables.read_text().splitlines() if "identity_file:" not in line]
    variables.write_text("\n".join(line for line in kept if line != "connection:") + "\n")
    (repository / ".lab").mkdir()
    (repository / ".lab/upstream.git").symlink_to((ROOT / ".lab/upstream.git").resolve())
    shutil.copy(ROOT / ".lab/ca.crt", repository / ".lab/ca.crt")
    (repository / ".venv").symlink_to((ROOT / ".venv").resolve())  # what bootstrap would make again takes a minute
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    for words in (("add", "--all", "--force", "inventory", ".lab", ".venv"), ("commit", "--quiet", "-m", "as it is")):
        subprocess.run(["git", "-C", str(repository), *identity, *words], check=True)
    return repository


def test_another_machine_takes_over_when_the_controller_dies_in_the_middle_of_a_deploy(committed: Path, tmp_path: Path):
    deploy_until(("switch to",), "--set", f"jawn.environment.LAB_MARK=lost-{time.monotonic_ns()}")
    copies = tmp_path / "safe"
    copies.mkdir()
    shutil.copy(ROOT / ".lab/age.key", copies)
    shutil.copy(ROOT / ".lab/id_ed25519", copies)
    home, desk = tmp_path / "home", tmp_path / "desk"
    home.mkdir()
    desk.mkdir()
    follow("lost-controller", TYPED, folder=desk, home=home, REPOSITORY=str(committed), COPY=str(copies))
    over("lost-controller", folder=desk / "helicone", home=home)
    assert lab("plan").out.strip().startswith("no changes")


def take_away(name: str) -> None:
    """Remove a host with all that is on it, and its SSH key."""
    remove_container(host_container(find_host(name), ()))
    for path in (host_key(name), Path(f"{host_key(name)}.pub")):
        path.unlink()


def install_anew() -> None:
    """Let new machines be installed in the place of those that are gone; who they are is not known to the inventory."""
    pinned = KNOWN_HOSTS.read_text()
    result = invoke("lab.up")
    assert result.code == 0, result.text
    KNOWN_HOSTS.write_text(pinned)


@pytest.mark.long
def test_an_edge_and_app_host_that_is_lost():
    send("app1")
    take_away("app1")
    try:
        looks("lost-host")
        send("app2")
        follow("lost-host", "If you want to go on without it for now", OTHERS="app2,data1")
    finally:
        install_anew()
    assert "host key changed" in lab("status").text
    follow("lost-host", TYPED, HOST="app1")
    authorities.cache_clear()  # it has a new one
    sent = send("app1")
    over("lost-host")
    assert recorded([sent]) == {sent}


@pytest.mark.long
def test_a_data_host_that_is_lost_with_everything_on_it(tmp_path: Path):
    name = f"client-{uuid.uuid4().hex[:8]}"
    client = lab("apikey.create", "--name", name).out.strip()
    settled(200, client, "app1")
    before = [ask(host, client)[0] for host in HOSTS]
    assert recorded(before) == set(before)
    kept = backup()
    copy = tmp_path / "copy"  # a repository on another machine would simply still be there
    subprocess.run(["docker", "cp", "--quiet", f"helicone-lab-data1:{REPOSITORY}", str(copy)], check=True)

    take_away("data1")
    try:
        looks("restore-from-nothing")
        meanwhile = [ask(host, client) for host in HOSTS]
        assert [status for _, status in meanwhile] == [200, 200]
    finally:
        install_anew()
    follow(
        "restore-from-nothing", "If the repository is a folder, and you have a copy of it", HOST="data1", COPY=str(copy)
    )
    follow("restore-from-nothing", TYPED, HOST="data1", ID=kept)
    sent = [*before, *(identifier for identifier, _ in meanwhile)]
    assert recorded(sent) == set(sent)
    for host in HOSTS:
        settled(200, client, host)
    over("restore-from-nothing")

    password = tmp_path / "password"
    password.write_text(secret("backup_password"))
    file, vault = ROOT / "inventory/lab/secrets.yml.age", tmp_path / "vault"
    known = file.read_bytes()
    file.rename(vault)
    try:
        follow("restore-from-nothing", "If secrets.yml.age is lost too", REPOSITORY=str(copy), FILE=str(password))
        assert file.read_bytes() == known
    finally:
        vault.rename(file)
    lab("apikey.revoke", "--key", name, "--yes")
