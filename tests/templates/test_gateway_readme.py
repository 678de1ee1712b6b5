"""The README's four requests reach the provider that they are meant for, and are recorded."""

from __future__ import annotations

import pytest

from tests.readme import ADDRESS, KEYS, PROVIDERS, REQUESTS, key_of, typed
from tests.templates.running_envoy import KEY, Gateway, eventually

ARRIVES = {"openai": "/v1/chat/completions", "modelscope": "/modelscope/v1/chat/completions"}


def test_there_are_four_of_them() -> None:
    found = [(language, key_of(text)) for language, text in REQUESTS]
    assert found == [(language, name) for name in KEYS for language in ("sh", "python")]


@pytest.mark.parametrize(("language", "text"), REQUESTS)
def test_it_works_as_it_stands(gateway: Gateway, language: str, text: str) -> None:
    """Only the port is another one: 8787 may be taken on this machine."""
    name = key_of(text)
    before, taken = len(gateway.provider.received), len(gateway.recorder.records)

    done = typed(language, text.replace(ADDRESS, f"http://localhost:{gateway.port}"), KEY)

    assert done.returncode == 0, done.stderr
    assert "the stand-in's answer" in done.stdout
    (seen,) = gateway.provider.received[before:]
    assert (seen["path"], seen["headers"]["authorization"]) == (ARRIVES[PROVIDERS[name]], f"Bearer {KEYS[name]}")
    assert eventually(lambda: len(gateway.recorder.records) > taken) is not None
    (record,) = gateway.recorder.records[taken:]
    assert (record.key, record.provider) == (f"Bearer {KEY}", PROVIDERS[name])
