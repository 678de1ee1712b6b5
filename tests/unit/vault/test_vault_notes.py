"""What the vault remembers beside the secrets: ages that survive edits, and old values, in plain YAML."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import ConfigurationError
from gateway.secret import Secret
from gateway.secret_names import SECRET_NAMES
from gateway.vault import Vault, create_missing, ensure_vault, open_vault, save_vault
from gateway.vault_text import read_text, secrets_to_text

NOW = datetime(2026, 11, 23, 18, 4, 5, tzinfo=UTC)
FRESH = {"postgres_password": Secret("a-new-password-1")}


def again(vault):
    """Return the vault after it was written and read."""
    return Vault(*read_text(secrets_to_text(vault.values, vault.notes), "x"))


def test_a_generated_secret_knows_when_it_was_made(files):
    vault, _ = ensure_vault(*files)
    made = open_vault(*files).made("postgres_password")
    assert made is not None
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=5)
    assert vault.made("provider_api_key") is None


def test_a_vault_from_before_knows_no_ages_and_learns_those_of_what_changes(files):
    vault, _ = create_missing(Vault({}))
    old = Vault(vault.values)
    assert {old.made(name) for name in old.values} == {None}
    changed = again(old.changed(FRESH, NOW))
    assert changed.made("postgres_password") == NOW
    assert changed.made("clickhouse_password") is None


def test_other_ages_stay_known(files):
    vault, _ = create_missing(Vault({}))
    dated = vault.changed({name: value for name, value in vault.values.items() if value.reveal()}, NOW)
    later = again(dated.changed(FRESH, NOW + timedelta(days=1)))
    assert later.made("postgres_password") == NOW + timedelta(days=1)
    assert later.made("better_auth_secret") == NOW


def test_another_fingerprint_key_loses_no_age():
    vault, _ = create_missing(Vault({}))
    dated = vault.changed({**FRESH, "fingerprint_key": Secret("ab" * 32)}, NOW)
    rekeyed = again(dated.changed({"fingerprint_key": Secret("cd" * 32)}, NOW + timedelta(days=1)))
    assert rekeyed.made("postgres_password") == NOW


def test_a_value_changed_by_hand_with_age_has_no_age_and_the_others_keep_theirs(files):
    ensure_vault(*files)
    text = subprocess.run(["age", "-d", "-i", files[1], files[0]], capture_output=True, check=True, text=True).stdout
    assert "made:" in text
    edited = re.sub(r"(?m)^postgres_password: .*", "postgres_password: by-hand-and-long", text)
    public = re.search("age1[0-9a-z]+", files[1].read_text()).group()  # type: ignore[union-attr]
    subprocess.run(["age", "-r", public, "-o", files[0]], input=edited.encode(), check=True)
    vault = open_vault(*files)
    assert vault["postgres_password"].reveal() == "by-hand-and-long"
    assert vault.made("postgres_password") is None
    assert vault.made("clickhouse_password") is not None


def test_old_values_and_who_left_survive_the_file(files):
    vault, _ = ensure_vault(*files)
    text = secrets_to_text(vault.values, vault.notes)
    assert "previous" not in text
    about = 'about: {previous: {admin_password: "an old one"}, left: {age1x: "2026-01-01T00:00:00Z"}}\n'
    values, notes = read_text(secrets_to_text(vault.values) + about, "x")
    save_vault(files[0], Vault(values, notes), files[1])
    kept = open_vault(*files).notes
    assert kept.previous == {"admin_password": Secret("an old one")}
    assert kept.left == {"age1x": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    "about",
    [
        "", "{}", "{made: {postgres_password: nonsense}}", "{made: {postgres_password: [1]}}", "{made: }",
        '{made: {postgres_password: "2026-13-45T00:00:00Z 12345678"}}', "{recipients: [1, {a: b}]}",
        "{previous: {no_such_secret: x}}", "{something_newer: 1}",
    ],
)  # fmt: skip
def test_notes_that_somebody_spoilt_cost_no_more_than_ages(about):
    values, notes = read_text(f"{secrets_to_text(FRESH)}about: {about}\n", "x")
    vault, _ = create_missing(Vault(values, notes))
    assert vault["postgres_password"] == FRESH["postgres_password"]
    assert vault.made("postgres_password") is None
    assert set(vault.notes.previous) <= set(SECRET_NAMES)


def test_notes_that_are_no_mapping_are_refused_without_a_value():
    with pytest.raises(ConfigurationError, match="`about` must be a mapping") as caught:
        read_text("about: sentinel-text\n", "x")
    assert "sentinel" not in str(caught.value)


def test_whoever_could_open_it_still_can_after_somebody_elses_save(tmp_path):
    path, mine, theirs = tmp_path / "secrets.yml.age", tmp_path / "mine", tmp_path / "theirs"
    subprocess.run(["age-keygen", "-o", theirs], check=True, capture_output=True)
    public = re.search("age1[0-9a-z]+", theirs.read_text()).group()  # type: ignore[union-attr]
    ensure_vault(path, mine, [public])
    vault = open_vault(path, theirs)
    save_vault(path, vault.changed(FRESH, NOW), theirs)  # their inventory names nobody
    assert open_vault(path, mine)["postgres_password"] == FRESH["postgres_password"]
