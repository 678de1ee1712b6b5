"""The ages of secrets, and what is left to do about them, as status shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.commands import secret_ages as module
from gateway.commands.secret_ages import ages_of, show_ages
from gateway.errors import ConfigurationError
from gateway.rotation import made_anew, rotated, with_leavers
from gateway.secret import Secret
from gateway.vault import Vault, create_missing
from tests.unit.situations import load

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def shown(tmp_path, monkeypatch, capsys):
    """Return a function that gives what status prints for a vault, and its data."""
    monkeypatch.setattr(module, "identity_path", lambda _: tmp_path / "key")

    def show(vault):
        def opened(*_):
            if isinstance(vault, Exception):
                raise vault
            return vault

        monkeypatch.setattr(module, "open_vault", opened)
        found = ages_of(load(tmp_path), NOW)
        show_ages("trial", found)
        return capsys.readouterr().out, found

    return show


def made(**days):
    """Return a vault with these secrets, made so many days ago, and all others without a known age."""
    vault = Vault(create_missing(Vault({"provider_api_key": Secret("")}))[0].values)
    for name, ago in days.items():
        vault = vault.changed({name: vault.values[name]}, NOW - timedelta(days=ago))
    return vault


def test_ages_oldest_first_and_unknown_before_all(shown):
    text, found = shown(made(admin_password=214, postgres_password=1, helicone_api_key=0))
    assert text.startswith("secrets: age unknown: clickhouse_password, ")
    assert text.index("age unknown") < text.index("214 days old: admin_password")
    assert "; 1 day old: postgres_password; made today: helicone_api_key" in text
    assert found["ages"]["admin_password"] == {"made": "2026-04-23T12:00:00+00:00", "days": 214.0}
    assert found["ages"]["clickhouse_password"] == {"made": None, "days": None}
    assert "provider_api_key" not in found["ages"]  # there is none


def test_a_rotation_that_was_cut_off_is_shown_with_what_ends_it(shown):
    text, found = shown(rotated(made(), {"admin_password": made_anew("admin_password")}, NOW))
    assert "a rotation of admin_password is not finished: invoke deploy --env trial finishes it" in text
    assert found["unfinished"] == ["admin_password"]


def test_two_valid_keys_of_clients_are_shown(shown):
    text, found = shown(rotated(made(), {"helicone_api_key": made_anew("helicone_api_key")}, NOW))
    assert "--name helicone_api_key --revoke ends that" in text
    assert "not finished" not in text
    assert found["still_valid"] == ["helicone_api_key"]


def test_who_left_is_shown_until_everything_they_saw_is_new(shown):
    vault = with_leavers(made(), ["age1gone1234567890"], NOW - timedelta(hours=1))
    assert "age1gone12345678... cannot open the secrets any more, and has seen" in shown(vault)[0]
    replaced = vault.changed({name: value for name, value in vault.values.items() if value.reveal()}, NOW)
    assert "has seen" not in shown(replaced)[0]


def test_status_is_of_use_without_the_secrets(shown):
    text, found = shown(ConfigurationError("the age identity is missing"))
    assert text == "secrets: their ages are not known here: the age identity is missing\n"
    assert found == {"problem": "the age identity is missing"}


def test_no_value_is_shown(shown):
    vault = rotated(made(), {"admin_password": made_anew("admin_password")}, NOW)
    text = str(shown(vault))
    values = [*vault.values.values(), *vault.notes.previous.values()]
    assert not [value for value in values if value.reveal() and value.reveal() in text]
