"""The decrypted text: what cannot work is refused by its name, its place and no value."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.secret import Secret
from gateway.secret_names import KNOWN_DEFAULTS
from gateway.vault_text import secrets_to_text, text_to_secrets
from tests.examples import examples


@settings(max_examples=examples(80))
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\n\t"), min_size=32))
def test_any_text_survives_the_yaml(text: str) -> None:
    if len(set(text)) > 1:
        values = {"better_auth_secret": Secret(text)}
        assert text_to_secrets(secrets_to_text(values), "x")["better_auth_secret"].reveal() == text


@pytest.mark.parametrize("value", [*sorted(KNOWN_DEFAULTS), "MinioAdmin", "a" * 45])
@pytest.mark.parametrize("name", ["postgres_password", "better_auth_secret", "provider_api_key"])
def test_known_defaults_are_refused(name: str, value: str) -> None:
    text = secrets_to_text({name: Secret(value)})
    with pytest.raises(ConfigurationError, match=f"`{name}` is a publicly known default"):
        text_to_secrets(text, "secrets.yml.age")


def refused(text: str) -> ConfigurationError:
    """Return the error for the decrypted `text`."""
    with pytest.raises(ConfigurationError) as caught:
        text_to_secrets(text, "secrets.yml.age")
    return caught.value


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("postgres_password", "sentinel/slash-long-enough", "letters, digits"),
        ("postgres_password", "sentinel@at-long-enough", "URL"),
        ("postgres_password", "sentine", "too short"),
        ("clickhouse_password", "sentinel'quote-long", "quotes"),
        ("clickhouse_password", 'sentinel"quote-long', "quotes"),
        ("clickhouse_password", "sentinel<markup-long", "XML"),
        ("clickhouse_hql_password", "sentinel&markup-long", "quotes"),
        ("clickhouse_hql_password", "sentinel$dollar-long", "quotes"),
        ("object_store_access_key", "sentinel,comma", "comma"),
        ("object_store_secret_key", "sentinel space and more", "letters"),
        ("better_auth_secret", "sentinel", "too short"),
        ("request_cache_key", "sentinel" * 8, "64 hexadecimal"),
        ("request_cache_key", "ab" * 31, "64 hexadecimal"),
        ("helicone_manual_access_key", "sentinel", "too short"),
        ("admin_password", "sentinel", "too short"),
        ("admin_password", "sentinel" * 17, "too long"),
        ("helicone_api_key", "sk-helicone-sentine-abcdefg-abcdefg", "four groups"),
        ("helicone_api_key", "sk-helicone-Sentine-abcdefg-abcdefg-abcdefg", "lower-case"),
        ("fingerprint_key", "sentinel", "64 hexadecimal"),
        ("provider_api_key", "sentinel with space", "without spaces"),
        ("provider_api_key", "sentinel\n", "line breaks"),
        ("admin_password", "", "empty"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(name: str, value: str, words: str) -> None:
    error = refused(secrets_to_text({name: Secret(value)}))
    assert f"`{name}`" in error.message
    assert words in error.message
    assert re.search(r"decrypted:\d+$", error.where)
    assert "entine" not in str(error)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("postgres_pasword: sentinel-long-enough\n", ":1", "did you mean `postgres_password`"),
        ("extra: {a: sentinel}\n", ":1", "unknown secret `extra`"),
        ("Sentinel$Value: x\n", ":1", "not shown"),
        ("\nadmin_password: 123456789012345\n", ":2", "put it in quotes"),
        ("admin_password: [sentinel]\n", ":1", "must be a text"),
        ("admin_password: sentinel-long-1\nadmin_password: sentinel-long-2\n", ":2", "given twice"),
        ("admin_password: !sentinel x\n", ":1", "quotes"),
        ("admin_password: *sentinel\n", ":1:17", "quotes"),
        ("admin_password: &sentinel\n", ":1", "empty"),
        ("admin_password: 'sentinel\n", ":1:17", "quote"),
        ("admin_password: %sentinel\n", ":1:17", "quotes"),
        ("admin_password: @sentinel\n", ":1:17", "quotes"),
        ("admin_password: a: sentinel\n", ":1:18", "second `:`"),
        ('admin_password: "sentinel\\q"\n', ":1:26", "backslash"),
        ("admin_password:\n\tsentinel\n", ":2:1", "tab"),
        ("- sentinel\n", ":1", "mapping"),
        ("sentinel\n", ":1", "mapping"),
        ("admin_password: \x07sentinel\n", ":1", "control"),
    ],
)
def test_bad_text_is_refused_without_a_value(text: str, where: str, words: str) -> None:
    error = refused(text)
    assert error.where.endswith(f"decrypted{where}")
    assert words in str(error)
    assert "entinel" not in str(error)


@settings(max_examples=examples(150))
@given(st.text(max_size=80))
def test_any_text_gives_secrets_or_an_error(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        assert isinstance(text_to_secrets(text, "x"), dict)
