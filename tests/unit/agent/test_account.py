"""Accounts and keys as SQL."""

from __future__ import annotations

import hashlib

import pytest

from gateway.agent import account


@pytest.fixture
def sql(monkeypatch):
    """Return the statements that are sent; the answer is that of `rows`."""
    sent = []

    def postgres(*arguments):
        sent.append(" ".join(arguments[-1].split()))
        return [sent.rows]

    class Sent(list):
        rows = "1"

    sent = Sent()
    monkeypatch.setattr(account.stores, "postgres", postgres)
    return sent


def test_a_key_is_revoked_by_its_hash_as_the_ui_does(sql):
    assert account.revoke_key("p", {}, "pg", "sk-helicone-x") is True
    digest = hashlib.sha256(b"Bearer sk-helicone-x").hexdigest()
    assert "set soft_delete = true" in sql[0]
    assert f"where api_key_hash = '{digest}' and not soft_delete" in sql[0]
    assert "sk-helicone-x" not in sql[0]


def test_a_key_that_is_not_valid_is_not_revoked_twice(sql):
    sql.rows = "0"
    assert account.revoke_key("p", {}, "pg", "sk-helicone-x") is False


def test_another_password_ends_the_accounts_sessions(sql):
    assert account.set_password("p", {}, "pg", "o'neill@example.com", "salt:key") is True
    assert "where email = 'o''neill@example.com'" in sql[0]
    assert "set password = 'salt:key'" in sql[0]
    assert "\"providerId\" = 'credential'" in sql[0]
    assert "delete from public.session" in sql[0]


def test_an_account_that_is_not_there_is_told(sql):
    sql.rows = "0"
    assert account.set_password("p", {}, "pg", "a@example.com", "salt:key") is False
