"""A text that never prints itself."""

from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest
import yaml
from pydantic import BaseModel

from gateway.secret import Secret

TEXT = "hunter22-hunter22"


class Model(BaseModel):
    """A model with a secret."""

    password: Secret


@pytest.mark.parametrize(
    "show",
    [
        str, repr, lambda s: f"{s}", lambda s: f"{s!r:>40}", lambda s: str([s]), lambda s: str({1: s}),
        lambda s: json.dumps(s, default=str), lambda s: Model(password=s).model_dump_json(),
        lambda s: repr(Model(password=s)), lambda s: str(Model(password=s).model_dump()),
    ],
)  # fmt: skip
def test_it_is_shown_redacted(show):
    shown = show(Secret(TEXT))
    assert "hunter" not in shown
    assert "[redacted]" in shown


def test_only_reveal_gives_the_text():
    assert Secret(TEXT).reveal() == TEXT


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy, yaml.safe_dump, yaml.dump])
def test_it_is_never_written_elsewhere(write):
    with pytest.raises((TypeError, yaml.YAMLError)) as caught:
        write(Secret(TEXT))
    assert "hunter" not in "".join(traceback.format_exception(caught.value))


def test_equality_is_of_the_text_and_of_secrets_only():
    assert Secret(TEXT) == Secret(TEXT)
    assert hash(Secret(TEXT)) == hash(Secret(TEXT))
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT


def test_a_fingerprint_changes_with_text_and_key():
    one = Secret(TEXT).fingerprint(b"key")
    assert len(one) == 8
    assert one == Secret(TEXT).fingerprint(b"key")
    assert one not in (Secret("other").fingerprint(b"key"), Secret(TEXT).fingerprint(b"yek"))


def test_a_model_takes_texts_numbers_and_secrets():
    assert Model(password=TEXT).password == Model(password=Secret(TEXT)).password
    assert Model.model_validate({"password": 12}).password.reveal() == "12"
