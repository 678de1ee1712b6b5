"""The hook that brings an environment back whole after a boot."""

import subprocess

import pytest

from gateway.agent import boot, switch
from gateway.agent.failure import StepFailed
from gateway.agent.session import Session
from gateway.agent.store import Store
from tests.unit.agent.power import PowerCut


@pytest.fixture
def machine(tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(boot, "INIT_SCRIPTS", tmp_path / "init.d")
    monkeypatch.setattr(boot, "SYSTEMD", tmp_path)
    monkeypatch.setattr(boot, "_run", lambda *command: commands.append(command[0]))
    return tmp_path, commands


def test_it_is_enabled_once_and_taken_away_again(machine):
    folder, commands = machine
    boot.install("helicone-x")
    boot.install("helicone-x")
    script = folder / "init.d" / "helicone-x"
    assert script.stat().st_mode & 0o777 == 0o755
    enabled = list(commands)
    assert enabled.count("update-rc.d") + enabled.count("systemctl") in (1, 2)
    boot.remove("helicone-x")
    assert not script.exists()
    assert len(commands) > len(enabled)


def test_a_hook_that_was_cut_off_before_it_was_enabled_is_enabled_by_the_next_one(machine, monkeypatch):
    """It would be there and never run: after every boot the rules of the firewall would be missing, too."""
    _, commands = machine

    def cut(*_):
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(boot, "_run", cut)
        with pytest.raises(PowerCut):
            boot.install("helicone-x")
    assert not boot.is_installed("helicone-x")
    boot.install("helicone-x")
    assert boot.is_installed("helicone-x")
    assert commands


def test_it_starts_only_what_docker_could_not(tmp_path):
    """Run the script against a `docker` that knows one such container and one that an operator stopped."""
    (tmp_path / "docker").write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        "ps) echo lost; echo stopped ;;\n"
        'inspect) [ "$4" = lost ] && echo "cannot join network of a non running container: 1" ;;\n'
        f'start) echo "$2" >> {tmp_path}/started ;;\n'
        "esac\n"
    )
    (tmp_path / "docker").chmod(0o755)
    script = boot.SCRIPT.format(project="helicone-x").replace("seq 1 60", "seq 1 1").replace("sleep 1", ":")
    script = script.replace(">/dev/null 2>&1 &", "")
    done = subprocess.run(
        ["/bin/sh", "-c", script, "hook", "start"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "started").read_text() == "lost\n"


@pytest.fixture
def session(machine, tmp_path, monkeypatch):
    """Return a conversation whose work runs here and now."""
    monkeypatch.setattr(Session, "detached", lambda self, work: work(lambda **_: None))
    session = Session(None)
    session.store = Store(str(tmp_path / "environment"))
    session.store.create()
    return session


def test_a_hook_that_cannot_be_written_stops_before_anything_is_switched(session, monkeypatch):
    monkeypatch.setattr(switch, "switch", lambda *_: pytest.fail("nothing may be switched"))
    boot.INIT_SCRIPTS.write_text("a file where the folder should be")
    with pytest.raises(OSError, match=r"init\.d"):
        session.switch({"project": "helicone-x", "release": "1-a"}, b"")
    assert session.store.current() is None


def test_a_first_release_that_fails_leaves_no_hook_and_a_later_one_keeps_it(session, monkeypatch):
    def fail(*_):
        raise StepFailed("start jawn", "jawn exited")

    monkeypatch.setattr(switch, "switch", fail)
    with pytest.raises(StepFailed, match="jawn exited"):
        session.switch({"project": "helicone-x", "release": "1-a"}, b"")
    assert not (boot.INIT_SCRIPTS / "helicone-x").exists()
    session.store.point_to("1-a")
    with pytest.raises(StepFailed, match="jawn exited"):
        session.switch({"project": "helicone-x", "release": "2-b"}, b"")
    assert (boot.INIT_SCRIPTS / "helicone-x").exists()
