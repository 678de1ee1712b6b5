"""Which secrets can be replaced, and what the vault says while one is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import ConfigurationError
from gateway.rotation import (
    CLIENTS_KEY,
    ROTATABLE,
    as_before,
    checked,
    chosen,
    made_anew,
    rotated,
    seen_by_leavers,
    settled,
    unsettled,
    with_leavers,
)
from gateway.secret import Secret
from gateway.secret_names import SECRET_NAMES, refusal_of
from gateway.vault import Vault, create_missing
from tests.unit.situations import load

NOW = datetime(2026, 11, 23, 18, 0, 0, tzinfo=UTC)


@pytest.fixture
def vault():
    return create_missing(Vault({"provider_api_key": Secret("")}))[0]


def test_every_secret_is_known_here():
    """A new secret needs a decision: how it is put into force and seen refused, or that it is not replaced."""
    kept = {"backup_s3_access_key", "backup_s3_secret_key"}  # see docs/how-to/rotate-secrets.md
    assert set(SECRET_NAMES) == ROTATABLE | kept


def test_all_means_all_that_are_made_here(tmp_path):
    names = chosen(load(tmp_path), "", every=True, given=False)
    assert set(names) == ROTATABLE - {"provider_api_key"}
    assert names == tuple(name for name in SECRET_NAMES if name in names)


def test_the_stores_of_others_are_left_to_them(tmp_path):
    external = load(
        tmp_path, "postgres.mode=external", "postgres.host=pg", "object_store.mode=external",
        "object_store.endpoint=https://s3.example.com",
    )  # fmt: skip
    names = chosen(external, "", every=True, given=False)
    assert not {"postgres_password", "object_store_access_key", "object_store_secret_key"} & set(names)
    assert {"clickhouse_password", "gateway_stores_password"} <= set(names)
    with pytest.raises(ConfigurationError, match="made by somebody else") as caught:
        chosen(external, "postgres_password", every=False, given=False)
    assert "--given" in caught.value.next_step
    assert chosen(external, "postgres_password", every=False, given=True) == ("postgres_password",)


@pytest.mark.parametrize(
    ("words", "every", "given", "complaint"),
    [
        ("", False, False, "--name or --all"),
        ("admin_password", True, False, "--name or --all"),
        ("admin_password,fingerprint_key", False, True, "one value"),
        ("", True, True, "one value"),
        ("admin_pasword", False, False, "did you mean `admin_password`"),
        ("provider_api_key", False, False, "made by somebody else"),
    ],
)
def test_what_cannot_be_meant(tmp_path, words, every, given, complaint):
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        chosen(load(tmp_path), words, every=every, given=given)
    assert caught.value.exit_code == 2


def test_a_secret_that_nothing_here_can_replace_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.rotation.ROTATABLE", ROTATABLE - {"admin_password"})
    with pytest.raises(ConfigurationError, match="nothing here puts a new one into force"):
        chosen(load(tmp_path), "admin_password", every=False, given=False)


def test_names_come_in_one_order(tmp_path):
    names = chosen(load(tmp_path), "admin_password, postgres_password", every=False, given=False)
    assert names == ("postgres_password", "admin_password")


@pytest.mark.parametrize("name", sorted(ROTATABLE - {"provider_api_key"}))
def test_new_values_can_be_used(name):
    assert refusal_of(name, made_anew(name).reveal()) == ""


@pytest.mark.parametrize(("text", "words"), [("", "empty"), ("brief", "too short"), ("minioadmin", "publicly known")])
def test_a_given_value_that_cannot_work_is_refused_unseen(text, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        checked("admin_password", text)
    assert not text or text not in str(caught.value)
    with pytest.raises(ConfigurationError, match="is empty"):
        checked("provider_api_key", "")


def test_the_old_value_is_kept_until_it_was_refused(vault):
    fresh = {"postgres_password": Secret("a-new-password-1"), "provider_api_key": Secret("sk-first")}
    after = rotated(vault, fresh, NOW)
    assert after["postgres_password"].reveal() == "a-new-password-1"
    assert after.made("postgres_password") == NOW
    assert unsettled(after) == ("postgres_password",)  # there was no provider_api_key to refuse
    assert as_before(after)["postgres_password"] == vault["postgres_password"]
    done = settled(after, unsettled(after))
    assert unsettled(done) == ()
    assert done["postgres_password"].reveal() == "a-new-password-1"
    assert done.made("postgres_password") == NOW


def test_what_was_in_force_first_is_what_must_be_refused(vault):
    once = rotated(vault, {"postgres_password": Secret("a-new-password-1")}, NOW)
    twice = rotated(once, {"postgres_password": Secret("a-new-password-2")}, NOW)
    assert twice.notes.previous["postgres_password"] == vault["postgres_password"]


def test_the_clients_old_key_stays_until_it_is_to_be_revoked(vault):
    after = rotated(vault, {CLIENTS_KEY: made_anew(CLIENTS_KEY), "admin_password": made_anew("admin_password")}, NOW)
    assert unsettled(after) == ("admin_password",)
    assert set(unsettled(after, revoke=True)) == {CLIENTS_KEY, "admin_password"}
    assert set(settled(after, ("admin_password",)).notes.previous) == {CLIENTS_KEY}


def test_who_left_has_seen_what_was_not_replaced_since(vault):
    left = with_leavers(vault, ["age1gone"], NOW + timedelta(days=3650))
    assert set(seen_by_leavers(left)["age1gone"]) == set(vault.values) - {"provider_api_key"}
    later = left.changed({"admin_password": made_anew("admin_password")}, NOW + timedelta(days=3651))
    assert "admin_password" not in seen_by_leavers(later)["age1gone"]


def test_a_value_of_unknown_age_counts_as_seen():
    old = Vault({"admin_password": Secret("whoever-knows-it"), "fingerprint_key": Secret("ab" * 32)})
    assert seen_by_leavers(with_leavers(old, ["age1gone"], NOW)) == {"age1gone": ("admin_password", "fingerprint_key")}
