"""The README's four requests, as they stand there: curl and OpenAI's SDK, an OpenAI and a ModelScope key."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
ADDRESS = "http://localhost:8787"
KEYS = {"OPENAI_API_KEY": "sk-proj-of-a-client", "MODELSCOPE_TOKEN": "ms-of-a-client"}
PROVIDERS = {"OPENAI_API_KEY": "openai", "MODELSCOPE_TOKEN": "modelscope"}
REQUESTS = [
    (language, text)
    for language, text in re.findall(r"^```(sh|python)\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    if f"{ADDRESS}/v1" in text
]


def key_of(text: str) -> str:
    """Return the name of the variable that a request takes the provider's key from."""
    (name,) = (one for one in KEYS if one in text)
    return name


def typed(language: str, text: str, key: str) -> subprocess.CompletedProcess[str]:
    """Type one request, with a Helicone key, and return how it ended."""
    program = {"sh": ["/bin/sh", "-e"], "python": [sys.executable, "-"]}[language]
    return subprocess.run(
        program, input=text, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HELICONE_API_KEY": key, **KEYS},
    )  # fmt: skip
