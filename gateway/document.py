"""YAML files as plain data that remembers its lines.

A document is what a person wrote: every key and value knows the line it stands on, a key that is
written twice is an error, and nothing but texts, numbers, true, false, empty, lists and mappings
comes out, whatever goes in. The sentences of the errors never quote a value, so that the decrypted
secrets can be read with the same functions.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from yaml.constructor import SafeConstructor

from gateway.errors import ConfigurationError
from gateway.yaml_problem import describe_yaml_error

if TYPE_CHECKING:
    from pathlib import Path

Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is ten times as fast
_DEEPEST = 40  # levels; keeps a hostile file from exhausting the stack
_LARGEST = 50_000  # nodes after aliases are written out; keeps one from exhausting the memory
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_TAG = "tag:yaml.org,2002:"
_UNTOUCHED = {_TAG + "str", _TAG + "timestamp", _TAG + "value"}  # a date is the text that was written


class Entry(NamedTuple):
    """A value and its line. A mapping is a `dict[str, Entry]`; everything else is plain data."""

    value: Any
    line: int


def read_document(path: Path, shown: str) -> Entry:
    """Return what the YAML file `path` holds; an empty file is an empty mapping.

    Errors call the file `shown`. Raises ConfigurationError if the file cannot be read, is not UTF-8
    or is not one plain YAML document with unique keys.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the file cannot be read: {(error.strerror or 'error').lower()}",
            where=shown,
            next_step=f"see what it is, and that you may read it: ls -l {shown}",
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            "the file is not UTF-8 text", where=f"{shown}:{line}", next_step="save it as UTF-8"
        ) from None
    return parse_document(text, shown)


def parse_document(text: str, shown: str) -> Entry:
    """Return what the YAML `text` holds; see `read_document`."""
    control = _FORBIDDEN.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise ConfigurationError("a control character stands in the text", where=f"{shown}:{line}")
    loader = Loader(text)
    try:
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        line, column, sentence = describe_yaml_error(error, text)
        raise ConfigurationError(sentence, where=f"{shown}:{line}:{column}") from None
    except RecursionError:
        raise ConfigurationError("the YAML is nested too deeply", where=shown) from None
    finally:
        loader.dispose()
    if node is None:
        return Entry({}, 1)
    return _Reader(shown).entry(node, 0)


def load_made(text: str | bytes) -> Any:
    """Return what YAML that no operator wrote holds, such as upstream's compose file. Raises yaml.YAMLError."""
    return yaml.load(text, Loader)  # noqa: S506 - a safe loader either way


def plain(value: Any) -> Any:
    """Return `value` of an entry without its lines."""
    if isinstance(value, dict):
        return {key: plain(entry.value) for key, entry in value.items()}
    return value


def mapping_of(entry: Entry, shown: str, what: str) -> dict[str, Entry]:
    """Return the mapping in `entry`, an empty one for nothing.

    Raises ConfigurationError, which calls the entry `what`, for anything else.
    """
    if entry.value is None:
        return {}
    if not isinstance(entry.value, dict):
        raise ConfigurationError(f"{what} must be a mapping of `key: value` lines", where=f"{shown}:{entry.line}")
    return entry.value


class _Reader:
    """Turns the nodes of one file into entries."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._nodes = 0
        self._constructor = SafeConstructor()

    def entry(self, node: yaml.Node, depth: int) -> Entry:
        """Return `node` as an entry."""
        line = node.start_mark.line + 1
        self._nodes += 1
        if depth > _DEEPEST:
            raise self._error("the YAML is nested too deeply", line)
        if self._nodes > _LARGEST:
            raise self._error("the file holds too many values", line)
        if isinstance(node, yaml.MappingNode):
            return Entry(self._mapping(node, depth), line)
        if isinstance(node, yaml.SequenceNode):
            return Entry([plain(self.entry(item, depth + 1).value) for item in node.value], line)
        if isinstance(node, yaml.ScalarNode):
            return Entry(self._scalar(node, line), line)
        raise self._error("this is not plain YAML", line)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Entry]:
        """Return the pairs of `node`; the line of a pair is that of its key."""
        pairs: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error("a key must be a plain word; a value that starts with `{` needs quotes", line)
            key = key_node.value
            if not key.isprintable():
                raise self._error("a control character stands in a key", line)
            if key_node.tag == _TAG + "merge":
                raise self._error("`<<` is not supported: put what hosts share into a group", line)
            if key in pairs:
                raise self._error(f"`{key}` is given twice, first in line {pairs[key].line}", line)
            pairs[key] = Entry(self.entry(value_node, depth + 1).value, line)
        return pairs

    def _scalar(self, node: yaml.ScalarNode, line: int) -> Any:
        """Return the text, number, truth value or None of `node`."""
        tag = node.tag
        if tag in _UNTOUCHED or (tag == _TAG + "int" and ":" in node.value):
            return self._text(node.value, line)  # 22:22 is a text here, not YAML's base 60
        try:
            if tag == _TAG + "int":
                return self._constructor.construct_yaml_int(node)
            if tag == _TAG + "float":
                return self._finite(self._constructor.construct_yaml_float(node), line)
            if tag == _TAG + "bool":
                return self._constructor.construct_yaml_bool(node)
        except (ValueError, IndexError, KeyError, yaml.YAMLError):
            raise self._error("this is not a number that can be used; put a text in quotes", line) from None
        if tag == _TAG + "null":
            return None
        raise self._error("a value that starts with `!` needs quotes; YAML tags are not supported", line)

    def _text(self, text: str, line: int) -> str:
        """Return `text` unless an escape has put a control character into it."""
        if _FORBIDDEN.search(text):
            raise self._error("a control character stands in the text", line)
        return text

    def _finite(self, number: float, line: int) -> float:
        """Return `number` unless it is infinite or not a number."""
        if not math.isfinite(number):
            raise self._error("a number must be finite", line)
        return number

    def _error(self, message: str, line: int) -> ConfigurationError:
        return ConfigurationError(message, where=f"{self._shown}:{line}")
