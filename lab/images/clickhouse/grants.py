"""Granted columns of the stand-in: chdb has no grants, so a statement's names are checked against them here.

Only `GRANT SELECT [(columns)] ON [database.]table TO users` counts. A confined statement may name nothing but
granted columns, keywords and functions, and read nothing but granted tables: stricter than ClickHouse, which
would for one thing let it name its own aliases again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Grants = dict[str, list[str]]  # columns by table; one named "*" stands for all

_USERS = r"(?P<users>[`\"']?[\w.-]+[`\"']?(?:\s*,\s*[`\"']?[\w.-]+[`\"']?)*)"
_GRANT = re.compile(
    rf"^\s*GRANT\s+SELECT\s*(?:\((?P<columns>[^()]*)\))?\s+ON\s+(?P<table>[\w.`*]+)\s+TO\s+{_USERS}\s*;?\s*$",
    re.IGNORECASE,
)
_REVOKE = re.compile(
    rf"^\s*REVOKE\s+(?:ALL|SELECT)(?:\s*\([^()]*\))?\s+ON\s+(?P<table>[\w.`*]+)\s+FROM\s+{_USERS}\s*;?\s*$",
    re.IGNORECASE,
)
_IGNORED = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|--[^\n]*|/\*.*?\*/|\{\w+\s*:[^{}]*\}|::\s*\w+(?:\([^()]*\))?|\bFORMAT\s+\w+\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+(?P<name>[\w.`\"]+)(?P<call>\s*\()?", re.IGNORECASE)
_ALIAS = re.compile(r"\bAS\s+[\w`\"]+", re.IGNORECASE)
_WILDCARD = re.compile(r"(?:\bSELECT|\bDISTINCT|[,.])\s*\*|\bCOLUMNS\s*\(|\bAPPLY\s*\(", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w.])(?P<name>(?:[\w`\"]+\s*\.\s*)*[A-Za-z_`\"][\w`\"]*)(?![\w`\"]|\s*\()")
_KEYWORD = re.compile(
    r"select|distinct|from|final|prewhere|where|and|or|not|in|global|between|like|ilike|is|null|as|order|group|by|asc"
    r"|desc|nulls|first|last|limit|offset|with|ties|having|interval|second|minute|hour|day|week|month|year|true|false"
    r"|case|when|then|else|end|union|all|any",
    re.IGNORECASE,
)


def granted(statement: str) -> tuple[tuple[str, ...], str, list[str]] | None:
    """Return users, table and columns of a GRANT SELECT; None when it is none."""
    if not (found := _GRANT.match(statement)):
        return None
    columns = [_bare(column) for column in (found["columns"] or "*").split(",")]
    return _listed(found["users"]), table_name(found["table"]), columns


def revoked(statement: str) -> tuple[tuple[str, ...], str] | None:
    """Return users and table of a REVOKE of SELECT or ALL; a table `*` means every one. None when it is none."""
    found = _REVOKE.match(statement)
    return (_listed(found["users"]), table_name(found["table"])) if found else None


def table_name(written: str) -> str:
    """Return a table's name without quotes and without the default database in front of it."""
    return ".".join(_bare(part) for part in written.split(".")).removeprefix("default.").removeprefix("*.")


def missing(statement: str, grants: Mapping[str, list[str]]) -> str:
    """Return what the statement reads and no grant covers, in the words of the grant it would need; empty for nothing."""
    text = _IGNORED.sub(" ", statement)
    for found in _TABLE.finditer(text):
        table = table_name(found["name"])
        if found["call"] or table not in grants:
            return f"SELECT ON {table if '.' in table or found['call'] else f'default.{table}'}"
    columns = {column for allowed in grants.values() for column in allowed}
    if "*" in columns:
        return ""
    tables = " and ".join(f"default.{table}" for table in grants)
    if _WILDCARD.search(text):
        return f"SELECT(*) ON {tables}"
    names = (_bare(found["name"].rpartition(".")[2]) for found in _NAME.finditer(_ALIAS.sub(" ", text)))
    unknown = [name for name in names if name not in {*columns, *grants} and not _KEYWORD.fullmatch(name)]
    return f"SELECT({', '.join(dict.fromkeys(unknown))}) ON {tables}" if unknown else ""


def _listed(users: str) -> tuple[str, ...]:
    return tuple(_bare(user) for user in users.split(","))


def _bare(name: str) -> str:
    return name.strip().strip("`\"'")
