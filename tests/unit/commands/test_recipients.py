"""Who can open the secrets, and what follows when somebody no longer may."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyrage import x25519

from gateway.commands import recipients as module
from gateway.commands.recipients import recipients
from gateway.errors import ConfigurationError
from gateway.rotation import seen_by_leavers
from gateway.secret import Secret
from gateway.vault import ensure_vault, open_vault, save_vault
from tests.unit.situations import load

ANN, BOB = (x25519.Identity.generate() for _ in range(2))


class Project:
    """A vault in files, and an inventory that names its readers."""

    def __init__(self, folder):
        self.inventory = load(folder)
        self.files = folder / "secrets.yml.age", folder / "age.key"
        self.recipients = []
        ensure_vault(*self.files)

    def saved_vault(self):
        return open_vault(*self.files)

    def keep(self, vault):
        save_vault(self.files[0], vault, self.files[1], self.recipients)


@pytest.fixture
def project(tmp_path, monkeypatch):
    made = Project(tmp_path)
    monkeypatch.setattr(module, "identity_path", lambda _: made.files[1])
    monkeypatch.setattr(module, "vault_path", lambda _: made.files[0])
    return made


def opens(project, identity, folder):
    key = folder / "their.key"
    key.write_text(f"{identity}\n")
    key.chmod(0o600)
    try:
        return bool(open_vault(project.files[0], key).values)
    except ConfigurationError:
        return False


def say(project, *readers, yes=True):
    project.recipients = [str(one.to_public()) for one in readers]
    return recipients(project, lambda: yes, as_json=False)


def test_the_inventorys_readers_can_open_it_and_nobody_else(project, tmp_path, capsys):
    result = say(project, ANN, BOB)
    assert result["added"] == [str(ANN.to_public()), str(BOB.to_public())]
    assert (result["outcome"], result["removed"]) == ("saved", [])
    assert opens(project, ANN, tmp_path)
    assert opens(project, BOB, tmp_path)
    assert "(you)" in capsys.readouterr().out


def test_a_second_time_changes_nothing(project):
    say(project, ANN)
    before = project.files[0].read_bytes()
    assert say(project, ANN)["outcome"] == "no changes"
    assert project.files[0].read_bytes() == before


def test_who_is_removed_has_seen_the_values_and_that_is_said(project, tmp_path, capsys):
    say(project, ANN, BOB)
    capsys.readouterr()
    result = say(project, ANN)
    assert result["removed"] == [str(BOB.to_public())]
    assert not opens(project, BOB, tmp_path)
    assert opens(project, ANN, tmp_path)
    assert {"postgres_password", "helicone_api_key"} <= set(result["to_rotate"])
    shown = capsys.readouterr().out
    assert "has seen every value, and can still open older copies of the file" in shown
    assert "invoke secrets.rotate --env trial --all --revoke" in shown
    assert set(project.saved_vault().notes.left) == {str(BOB.to_public())}


def test_what_a_provider_made_is_to_be_revoked_there(project):
    say(project, ANN)
    vault = project.saved_vault()
    project.keep(vault.changed({"provider_api_key": Secret("sk-provider")}, datetime.now(UTC)))
    assert say(project)["to_revoke_elsewhere"] == ["provider_api_key"]


def test_nobody_is_removed_without_a_yes(project, tmp_path):
    say(project, ANN)
    assert say(project, yes=False)["outcome"] == "not confirmed"
    assert opens(project, ANN, tmp_path)


def test_who_comes_back_has_not_left(project):
    say(project, ANN)
    say(project)
    say(project, ANN)
    assert seen_by_leavers(project.saved_vault()) == {}
