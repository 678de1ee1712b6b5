"""Strict templates, and the variables that an inventory adds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from gateway.errors import ConfigurationError
from gateway.render.templates import render_template, with_extras


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a\n{{ missing }}\n", "templates/x.j2:2", "missing"),
        ("a\n\n{{ known.missing }}\n", "templates/x.j2:3", "missing"),
        ("{% if %}", "templates/x.j2:1", "cannot be rendered"),
        ("{% include 'gone.j2' %}", "templates/x.j2:1", r"gone\.j2"),
        ("a\n{% include 'y.j2' %}", "templates/y.j2:2", "inner"),
    ],
)
def test_mistake_is_named_with_template_and_line(tmp_path: Path, text: str, where: str, message: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/x.j2").write_text(text)
    (tmp_path / "templates/y.j2").write_text("b\n{{ inner }}\n")

    with pytest.raises(ConfigurationError, match=message) as caught:
        render_template("x.j2", {"known": {}}, tmp_path)

    assert caught.value.where == where


def test_extras_follow_sorted_and_replace() -> None:
    text = '      A: "1"\n      # why\n      B: "${B}"\n'

    assert with_extras(text, {}) == text
    assert (
        with_extras(text, {"Z": "$x", "A": True}) == '      # why\n      B: "${B}"\n      A: "true"\n      Z: "$$x"\n'
    )
    assert with_extras("      A: x\n", {"A": 1}) == '      A: "1"\n'


def test_hosts_side_by_side_compile_a_template_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "x.j2").write_text("{{ one }}\n")
    compiled, real = [], Environment.compile

    def slowly(*words: Any, **options: Any) -> Any:
        compiled.append(words)
        time.sleep(0.05)
        return real(*words, **options)

    monkeypatch.setattr(Environment, "compile", slowly)
    with ThreadPoolExecutor(max_workers=4) as pool:
        texts = list(pool.map(lambda number: render_template("x.j2", {"one": number}, tmp_path), range(4)))

    assert texts == ["0\n", "1\n", "2\n", "3\n"]
    assert len(compiled) == 1
