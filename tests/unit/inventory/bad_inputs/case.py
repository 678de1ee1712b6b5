"""What a bad input is: files over the valid environment, what is typed, and the error that is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HOSTS = "inventory/lab/hosts.yml"
ALL = "inventory/lab/group_vars/all.yml"


@dataclass(frozen=True)
class Case:
    """Files over the valid environment, what is typed, and the error: its place and words in it."""

    files: Mapping[str, str | bytes]
    where: str
    words: tuple[str, ...]
    settings: tuple[str, ...] = ()
    limit: str | None = None
    absent: tuple[str, ...] = field(default=())


def variables(text: str, where: str, *words: str) -> Case:
    """Return the case of `text` in group_vars/all.yml."""
    return Case({"group_vars/all.yml": text}, where, words)


def hosts(text: str, where: str, *words: str) -> Case:
    """Return the case of `text` as hosts.yml."""
    return Case({"hosts.yml": text}, where, words)
