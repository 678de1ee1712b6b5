"""API keys without a browser."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from gateway.commands.apikey import create, hash_of, revoke, show
from gateway.errors import ConfigurationError
from gateway.transport.conversation import AgentError
from tests.unit.commands.test_organizations import ADMIN, ANN
from tests.unit.talks import OWN_KEY, Talk, project

KEY = re.compile(r"sk-helicone(-[a-z0-9]{7}){4}")


def row(identifier, name, fingerprint):
    return {
        "id": identifier, "name": name, "fingerprint": fingerprint, "permissions": "rw", "created": 1_700_000_000,
        "organization_id": "o", "organization": "My Organization", "owner": "admin@example.com",
    }  # fmt: skip


KEYS = [
    row(1, "gateway", hash_of(OWN_KEY)[:16]), row(7, "team-a", "a" * 16), row(8, "twice", "b" * 16),
    row(9, "twice", "c" * 16),
]  # fmt: skip


def lines(*rows):
    return {"lines": [json.dumps(one) for one in rows]}


def postgres(_event, sql, **_):
    if "from public.organization o" in sql.partition("helicone_api_keys")[0]:
        return lines(ADMIN, ANN)
    if "insert" in sql or "update" in sql:
        return lines({"id": 12})
    return lines(*KEYS)


@pytest.fixture
def data():
    used = lines({"fingerprint": "a" * 16, "last": "1700000500"})
    return Talk({"postgres": postgres, "clickhouse": used})


@pytest.fixture
def ours(tmp_path, monkeypatch, data):
    return project(tmp_path, monkeypatch, {"data1": data})


def test_a_key_is_printed_once_and_only_its_hash_leaves(ours, data, capsys):
    result = create(ours, "team-b", "", "rw", as_json=False)
    printed = capsys.readouterr().out.strip()
    assert KEY.fullmatch(printed)
    assert result["key"] == printed
    assert result["organization"]["owner"] == "admin@example.com"
    sent = str(data.asked)
    assert printed not in sent
    digest = hashlib.sha256(f"Bearer {printed}".encode()).hexdigest()
    assert f"(E'{digest}', E'team-b', E'u1', E'{ADMIN['id']}', E'rw', false)" in data.statements("postgres")[-1]


def test_with_json_it_is_printed_by_the_verb_alone(ours, capsys):
    assert KEY.fullmatch(create(ours, "x", "ann@example.com", "w", as_json=True)["key"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "permissions", "problem"),
    [("", "rw", "needs a name"), ("a\nb", "rw", "needs a name"), ("x", "rwx", "`rwx` is no permission")],
)
def test_what_cannot_be_is_refused_before_any_host_is_asked(ours, data, name, permissions, problem):
    with pytest.raises(ConfigurationError, match=problem):
        create(ours, name, "", permissions, as_json=False)
    assert data.asked == []


def test_keys_are_listed_with_their_last_use(ours, capsys):
    result = show(ours, as_json=False)
    own, team, *_ = result["keys"]
    assert own["environments_own"] is True
    assert team["last_used"] == 1_700_000_500
    assert own["last_used"] is None
    shown = capsys.readouterr().out
    for words in ("gateway (the environment's own)", "team-a", "a" * 16, "not in 90 days", "2023-11-14"):
        assert words in shown


def test_keys_are_listed_without_clickhouse_too(ours, data, capsys):
    data.answers["clickhouse"] = AgentError("data1", {"step": "clickhouse", "message": "it does not answer"})
    assert "it does not answer" in show(ours, as_json=False)["last_use_problem"]
    assert "not known" in capsys.readouterr().out


@pytest.mark.parametrize("wanted", ["7", "team-a", "a" * 16])
def test_a_key_is_revoked_by_id_name_or_fingerprint(ours, data, wanted):
    assert revoke(ours, wanted, "", lambda _: True) == {
        "environment": "trial", "id": 7, "name": "team-a", "revoked": True
    }  # fmt: skip
    assert "set soft_delete = true where id = 7 returning" in data.statements("postgres")[-1]


def test_a_key_that_leaked_is_found_by_itself_and_not_sent(ours, data):
    leaked = "sk-helicone-1111111-1111111-1111111-1111111"
    data.answers["postgres"] = lines(row(5, "leaked", hash_of(leaked)[:16]))
    assert revoke(ours, "", leaked, lambda _: True)["id"] == 5
    assert leaked not in str(data.asked)


def test_without_a_yes_nothing_is_revoked(ours, data):
    assert revoke(ours, "7", "", lambda _: False)["revoked"] is False
    assert not any("update" in sql for sql in data.statements("postgres"))


@pytest.mark.parametrize(
    ("wanted", "problem", "hint"),
    [
        ("twice", "more than one key is called `twice`", "8, 9"),
        ("99", "no valid key is `99`", "apikey.list"),
        ("1", "is the environment's own", "--name helicone_api_key"),
        ("", "no key was named", "--stdin"),
    ],
)
def test_what_is_not_clear_or_not_wise_is_refused(ours, data, wanted, problem, hint):
    with pytest.raises(ConfigurationError, match=problem) as caught:
        revoke(ours, wanted, "", lambda _: True)
    assert hint in caught.value.next_step
    assert not any("update" in sql for sql in data.statements("postgres"))
