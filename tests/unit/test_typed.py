"""Keys, passwords and secrets from standard input."""

from __future__ import annotations

import io
import sys

import pytest

from gateway.errors import ConfigurationError
from gateway.typed import given_line, given_text


def given(monkeypatch, content, errors="strict"):
    stream = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors=errors, newline="")
    monkeypatch.setattr(sys, "stdin", stream)


@pytest.mark.parametrize(("content", "text", "line"), [
    (b"sk-one\n", "sk-one", "sk-one"), (b"sk-one\r\nmore\r\n", "sk-one\r\nmore", "sk-one"), (b"", "", ""),
    (b"\xef\xbb\xbfsk-one\n", "sk-one", "sk-one"),
])  # fmt: skip
def test_line_ends_and_marks_of_editors_are_no_part_of_it(monkeypatch, content, text, line):
    given(monkeypatch, content)
    assert given_text("--given") == text
    given(monkeypatch, content)
    assert given_line("--stdin") == line


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize("read", [given_text, given_line])
def test_what_is_no_text_is_refused_and_not_quoted(monkeypatch, errors, read):
    """A locale without UTF-8 lets bytes pass that no store takes."""
    given(monkeypatch, "sk-secret\n".encode("utf-16"), errors)
    with pytest.raises(ConfigurationError, match="no UTF-8 text") as caught:
        read("--stdin")
    assert caught.value.where == "--stdin"
    assert "sk-secret" not in str(caught.value)


def test_an_input_that_is_closed_is_empty(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert given_line("--stdin") == given_text("--given") == ""
