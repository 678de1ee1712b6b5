"""What most verbs start from: secrets are made where there were none, and only by commands that may."""

from __future__ import annotations

import pytest
from invoke.exceptions import Exit

from gateway.commands import project as module
from gateway.commands.project import open_project
from gateway.console import Reporter
from gateway.errors import ConfigurationError
from tests.unit.situations import HOSTS, PROJECT
from verbs import backups, rollouts, secrets


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Return a function that opens an environment without secrets, of an operator without an age identity."""
    (tmp_path / "roles").symlink_to(PROJECT / "roles")
    folder = tmp_path / "inventory" / "trial"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text(HOSTS)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return lambda: open_project("trial", [], None, Reporter())


def test_what_is_made_on_first_use_is_told_with_what_to_keep(opened, capsys):
    assert opened().vault.values
    told = capsys.readouterr().err
    assert "generated 13 secrets into inventory/trial/secrets.yml.age: put it under version control" in told
    assert "age.key, made now, opens them: keep a copy of it" in told
    assert opened().vault.values
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("task", "flags"), [
    (backups.backup, {}), (backups.drill, {}), (backups.restore, {"from_": "1"}), (rollouts.rollback, {}),
    (secrets.rotate, {"all_": True}), (backups.restore, {"from_": "1", "source": "trial"}),
], ids=lambda one: getattr(one, "name", ""))  # fmt: skip
def test_a_command_about_what_was_deployed_makes_no_secrets(opened, task, flags, capsys):
    """They would take the place of a lost file: on the data host, in the next backup, in every store."""
    with pytest.raises(Exit) as caught:
        task.body(None, env="trial", **flags)
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "there are no secrets yet" in told
    assert "version control" in told
    assert not (module.ROOT / "inventory" / "trial" / "secrets.yml.age").exists()
    assert not (module.ROOT / "home").exists()


@pytest.mark.parametrize("part", ["vault", "upstream", "rendered"])
def test_a_folder_of_the_controllers_that_cannot_be_used_is_no_defect(opened, part, tmp_path):
    """As after `sudo bash bootstrap.sh`, when the project's folders are root's."""
    project = opened()
    (tmp_path / "home").touch()
    (tmp_path / ".cache").touch()
    with pytest.raises(ConfigurationError, match=r"cannot be (used|written)") as caught:
        getattr(project, part)
    assert caught.value.where
