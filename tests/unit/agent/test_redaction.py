"""Hiding secret values."""

from __future__ import annotations

import base64
from urllib.parse import quote

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
