"""Secrets through age and back: what goes in comes out, and a damaged file is refused and never half read."""

from __future__ import annotations

import contextlib
import json
import logging
from urllib.parse import quote, quote_plus

import pyrage
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigurationError, GatewayError
from gateway.secret import Secret
from gateway.vault import Vault, create_missing, ensure_vault, open_vault, save_vault
from tests.examples import examples
from tests.unit.vault.names import FREE

TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\n\t"), min_size=32, max_size=60
).filter(lambda text: len(set(text)) > 8)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vault")
    ensure_vault(folder / "secrets.yml.age", folder / "key")
    return folder / "secrets.yml.age", folder / "key"


@settings(max_examples=examples(15))
@given(st.fixed_dictionaries(dict.fromkeys(FREE, TEXTS)))
def test_any_text_survives_the_way_through_the_file(files, texts):
    complete, _ = create_missing(Vault({name: Secret(text) for name, text in texts.items()}))
    save_vault(files[0], complete, files[1])
    opened = open_vault(*files)
    assert {name: opened[name] for name in complete.values} == complete.values
    content = files[0].read_bytes()
    assert not any(text.encode() in content for text in texts.values())


@settings(max_examples=examples(40))
@given(st.data())
def test_a_file_with_any_bit_flipped_or_cut_off_is_refused_or_still_says_the_same(files, data):
    ensure_vault(*files)
    whole = files[0].read_bytes()
    before = open_vault(*files)
    if data.draw(st.booleans(), label="cut"):
        damaged = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        place = data.draw(st.integers(0, len(whole) - 1))
        damaged = whole[:place] + bytes([whole[place] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[place + 1 :]
    files[0].write_bytes(damaged)
    try:
        with contextlib.suppress(ConfigurationError):
            assert open_vault(*files) == before  # armor does not mind a line end more or less
    finally:
        files[0].write_bytes(whole)


@settings(max_examples=examples(20))
@given(text=TEXTS)
def test_only_who_has_the_key_can_open(tmp_path_factory, files, text):
    complete, _ = create_missing(Vault({"better_auth_secret": Secret(text)}))
    save_vault(files[0], complete, files[1])
    stranger = tmp_path_factory.mktemp("stranger") / "key"
    stranger.write_text(str(pyrage.x25519.Identity.generate()))
    stranger.chmod(0o600)
    with pytest.raises(ConfigurationError, match="not encrypted for the identity"):
        open_vault(files[0], stranger)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40))
def test_a_secret_shows_in_no_form_wherever_it_is_put(text):
    secret = Secret(text)
    holder = {"value": secret, "list": [secret], "text": f"{secret} {secret!r} {secret!s:>20}"}
    record = logging.LogRecord("x", logging.INFO, "x", 1, "it is %s and %r", (secret, holder), None)
    error = GatewayError(f"it is {secret}", where=str(holder), next_step=repr(secret))
    with pytest.raises(yaml.YAMLError):
        yaml.safe_dump(secret)
    shown = [str(holder), repr(holder), record.getMessage(), str(error), repr(error), json.dumps(holder, default=str)]
    for form in {text, json.dumps(text)[1:-1], quote(text), quote_plus(text), repr(text)[1:-1]}:
        if form not in "[redacted] it is and value list text [' ]{}" and len(form) >= 8:
            assert not any(form in one for one in shown)
