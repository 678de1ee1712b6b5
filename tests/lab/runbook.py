"""Runbooks as an operator reads them: their commands are taken from the page and typed as they stand.

A page is cut at its headings. Its `sh` blocks are what is typed. Its `text` blocks show what commands print: a line
that begins with `$ ` is the command, each line below it is to be found in what that prints.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).resolve().parents[2] / "docs" / "runbooks"
LOOKS, TYPED, OVER = "How it looks", "What to type", "It is over when"
HEADINGS = (LOOKS, "What goes on", TYPED, OVER, "Why, and how to prevent it")
# How the pages call the environment, and where an operator's age identity lies.
ENVIRONMENT, IDENTITY = "mine", "~/.config/helicone/age.key"
_HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\b")


@dataclass(frozen=True)
class Shown:
    """What a page says that a command prints: the command, and texts that are in it."""

    command: str
    lines: tuple[str, ...]


def names() -> list[str]:
    """Return the names of all pages but the index."""
    return sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")


def sections(name: str) -> dict[str, str]:
    """Return the text below each heading of a page; a heading of any depth ends the one before."""
    parts = _HEADING.split((PAGES / f"{name}.md").read_text())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands(name: str, section: str) -> list[str]:
    """Return the `sh` blocks of a page's section, in order, as they stand."""
    return _blocks(sections(name)[section], "sh")


def shown(name: str, section: str = LOOKS) -> list[Shown]:
    """Return what a page's section says that commands print."""
    found = []
    for block in _blocks(sections(name)[section], "text"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            found.append(Shown(command, tuple(lines)))
    return found


def placeholders(command: str) -> set[str]:
    """Return the words that are the operator's to fill in."""
    return set(_PLACEHOLDER.findall(command))


def filled(command: str, values: Mapping[str, str], environment: str, identity: str) -> str:
    """Return a command as an operator of `environment` types it. Raises KeyError for a word without a value."""
    text = command.replace(IDENTITY, identity)
    text = _PLACEHOLDER.sub(lambda match: values[match[0]], text)
    return re.sub(rf"\b{ENVIRONMENT}\b", environment, text)


def invocations(command: str) -> Iterator[list[str]]:
    """Yield the words of each `invoke` in a command, comments and redirections left out."""
    for line in command.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("();<>|&"):
                if words[:1] == ["invoke"]:
                    yield words
                words = []
            else:
                words.append(word)


def missing(lines: tuple[str, ...], printed: str) -> list[str]:
    """Return which lines are not in what was printed, however that is wrapped."""
    text = " ".join(printed.split())
    return [line for line in lines if " ".join(line.split()) not in text]


def _blocks(text: str, language: str) -> list[str]:
    return [block for kind, block in _BLOCK.findall(text) if kind == language]
