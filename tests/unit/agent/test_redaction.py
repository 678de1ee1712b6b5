"""Hiding secret values."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agent.redaction import hide


@given(st.text(min_size=4), st.text(), st.text())
def test_no_secret_is_left_in_a_text(secret, before, after):
    hidden = hide(f"{before}\0{secret}\0{after}", [secret])
    assert f"\0{secret}\0" not in hidden or secret in "[redacted]"


@pytest.mark.parametrize("form", ["p@ss/w ord$", quote("p@ss/w ord$", safe="")])
def test_url_encoded_too(form):
    assert hide(f"postgres://u:{form}@db", ["p@ss/w ord$"]) == "postgres://u:[redacted]@db"


def test_each_line_of_a_secret_of_several():
    assert hide("got: second line", ["first line\nsecond line"]) == "got: [redacted]"


def test_of_two_secrets_the_longer_goes_first():
    assert hide("abcdefgh", ["abcd", "abcdefgh"]) == "[redacted]"


def test_empty_and_tiny_values_leave_the_text_readable():
    assert hide("a text", ["", "a", "te"]) == "a text"


@pytest.mark.parametrize("user", ["", "a:", "ab:", "abc:", "abcd:"])
@pytest.mark.parametrize("secret", ["correct horse battery", "x" * 31, "pässwörd-€uro"])
def test_base64_of_a_secret_alone_and_inside_something_longer(user, secret):
    encoded = base64.b64encode(f"{user}{secret}".encode()).decode()
    hidden = hide(f"Authorization: Basic {encoded}", [secret])
    assert "[redacted]" in hidden
    assert encoded not in hidden


def test_json_and_composes_escapes():
    assert hide('{"a": "x\\"y\\\\z"}', ['x"y\\z']) == '{"a": "[redacted]"}'
    assert hide("PASSWORD=pa$$word", ["pa$word"]) == "PASSWORD=[redacted]"


ENCODINGS = {
    "plain": str,
    "url": lambda text: quote(text, safe=""),
    "url, slashes kept": quote,
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json as it is": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "compose": lambda text: text.replace("$", "$$"),
    "base64": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
}
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=12, max_size=40).filter(
    lambda text: all(len(line) >= 4 for line in text.splitlines())
)


@given(SECRETS, st.sampled_from(sorted(ENCODINGS)), st.text(max_size=10), st.text(max_size=10))
def test_no_sentinel_survives_in_any_encoding(secret, encoding, before, after):
    encoded = ENCODINGS[encoding](secret)
    assert encoded not in hide(f"{before} {encoded} {after}", [secret])


@given(SECRETS, st.binary(max_size=7), st.binary(max_size=7))
def test_no_sentinel_survives_inside_something_longer_in_base64(secret, before, after):
    whole = base64.b64encode(before + secret.encode() + after).decode()
    hidden = hide(whole, [secret])
    left = [part for part in hidden.split("[redacted]") if part]
    assert "[redacted]" in hidden
    # What is left tells at most of the six bits at either end that the secret shares with its neighbours.
    assert sum(len(part) for part in left) <= len(whole) - len(secret.encode()) * 8 // 6 + 3


@given(st.lists(SECRETS, min_size=2, max_size=3), st.data())
def test_a_secret_inside_another_uncovers_neither(secrets, data):
    joined = secrets[0] + secrets[1]
    hidden = hide(f"{joined} and {data.draw(st.sampled_from(secrets))}", [*secrets, joined])
    assert not any(secret in hidden for secret in [*secrets, joined])
