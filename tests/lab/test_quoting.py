"""Hostile texts as literals: the real stores give back what went in."""

from __future__ import annotations

import json
import random

import pytest

from gateway.agent.logins import _text
from gateway.commands.project import open_project
from gateway.commands.stores import literal, open_stores
from gateway.console import Reporter

pytestmark = pytest.mark.usefixtures("deployed")
ALPHABET = "\\\"'$`#{}()<>|&;:-=!@*?% \n\r\t~éE中😀\u0085\u2028\x01\x1b"


@pytest.mark.fault("F15")
def test_postgres_gives_back_any_text_that_was_made_a_literal():
    chosen = random.Random(20261123)  # noqa: S311 - the same texts every time
    texts = ["".join(chosen.choices(ALPHABET, k=chosen.randint(0, 12))) for _ in range(300)]
    texts += ["'; drop table x; --", "\\'; drop table x; --", "E'\\''", "$$x$$", ":x :'x' :\"x\"", "\\q", "\\! true"]
    for quote in (literal, _text):
        asked = ", ".join(f"({number}, {quote(text)})" for number, text in enumerate(texts))
        with open_stores(open_project("lab", [], None, Reporter(quiet=True))) as stores:
            rows = stores.postgres(f"select number, text from (values {asked}) as given(number, text) order by number")
        assert [row["text"] for row in rows] == texts, json.dumps(quote.__name__)
