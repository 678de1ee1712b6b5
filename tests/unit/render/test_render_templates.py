"""Strict templates, and the variables that an inventory adds."""

from __future__ import annotations

from pathlib import Path

import pytest

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
