"""What is wrong with a YAML text, as a line, a column and one sentence."""

from __future__ import annotations

import yaml

# PyYAML's words, and what they mean to someone who edits an inventory. The first match wins. The
# words of the parser itself are never shown: they can quote a piece of the text, and the text may
# be the decrypted secrets.
_SENTENCES = (
    ("tab character", "a tab stands where YAML wants spaces"),
    ("unknown directive", "a value that starts with `%` needs quotes"),
    ("cannot start any token", "a value that starts with a special character (@ ` % & * !) needs quotes"),
    ("mapping values are not allowed", "a second `:` in one line, or a wrong indentation; quote the value"),
    ("could not find expected ':'", "a line without `key: value`, or a wrong indentation"),
    ("undefined alias", "a value that starts with `*` needs quotes"),
    ("escape", "an unknown escape after a backslash in double quotes; use single quotes"),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("expected ',' or ']'", "a `[` is opened and never closed"),
    ("expected ',' or '}'", "a `{` is opened and never closed"),
    ("expected node content", "a `[` or `{` is never closed, or a value is missing in it"),
    ("expected key", "the indentation does not fit the lines above"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("'-' indicator", "the indentation does not fit the list above"),
    ("another document", "a second `---` document; one file is one document"),
)
_OTHERWISE = "this is not valid YAML"


def describe_yaml_error(error: yaml.YAMLError, text: str) -> tuple[int, int, str]:
    """Return the line and column, both from 1, and a sentence about `error`, raised on reading `text`.

    The sentence holds nothing of the text.
    """
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return 1, 1, _OTHERWISE
    mark = _position(error, error.problem_mark)
    line, column = mark.line + 1, mark.column + 1
    if _indented_with_tab(text, mark.line):
        return line, column, _SENTENCES[0][1]
    problem = error.problem or ""
    return line, column, next((words for part, words in _SENTENCES if part in problem), _OTHERWISE)


def _position(error: yaml.MarkedYAMLError, fallback: yaml.Mark) -> yaml.Mark:
    """Return where the fault is: where an unclosed quote or bracket was opened, else `fallback`."""
    problem = error.problem or ""
    opened = "end of stream" in problem or "expected ','" in problem
    return error.context_mark if opened and error.context_mark is not None else fallback


def _indented_with_tab(text: str, index: int) -> bool:
    """Tell whether line `index` of `text` is indented with a tab."""
    lines = text.split("\n")
    if index >= len(lines):
        return False
    line = lines[index]
    return "\t" in line[: len(line) - len(line.lstrip())]
