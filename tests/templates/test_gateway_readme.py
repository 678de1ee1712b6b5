"""The README's four requests, typed as they stand there: curl and OpenAI's SDK, an OpenAI and a ModelScope key."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.templates.running_envoy import KEY, Gateway, eventually

README = Path(__file__).resolve().parents[2] / "README.md"
SHOWN = "http://localhost:8787"
EXAMPLES = [
    (language, text)
    for language, text in re.findall(r"^```(sh|python)\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    if f"{SHOWN}/v1" in text
]
KEYS = {"OPENAI_API_KEY": "sk-proj-of-a-client", "MODELSCOPE_TOKEN": "ms-of-a-client"}
ARRIVES = {"OPENAI_API_KEY": "/v1/chat/completions", "MODELSCOPE_TOKEN": "/modelscope/v1/chat/completions"}


def test_there_are_four_of_them() -> None:
    found = [(language, *(name for name in KEYS if name in text)) for language, text in EXAMPLES]
    assert found == [(language, name) for name in KEYS for language in ("sh", "python")]


@pytest.mark.parametrize(("language", "text"), EXAMPLES)
def test_it_works_as_it_stands(gateway: Gateway, language: str, text: str) -> None:
    """Only the port is another one: 8787 may be taken on this machine."""
    (name,) = (one for one in KEYS if one in text)
    program = {"sh": ["/bin/sh", "-e"], "python": [sys.executable, "-"]}[language]
    before, taken = len(gateway.provider.received), len(gateway.recorder.records)

    done = subprocess.run(
        program, input=text.replace(SHOWN, f"http://localhost:{gateway.port}"), capture_output=True, text=True,
        check=False, env={"PATH": os.environ["PATH"], "HELICONE_API_KEY": KEY, **KEYS},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "the stand-in's answer" in done.stdout
    (seen,) = gateway.provider.received[before:]
    assert (seen["path"], seen["headers"]["authorization"]) == (ARRIVES[name], f"Bearer {KEYS[name]}")
    assert eventually(lambda: len(gateway.recorder.records) > taken, 3) is not None
    (record,) = gateway.recorder.records[taken:]
    assert (record.key, record.provider) == (f"Bearer {KEY}", "modelscope" if name == "MODELSCOPE_TOKEN" else "openai")
