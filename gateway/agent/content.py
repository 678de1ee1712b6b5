"""What the stores hold, as numbers that can be compared: rows and hashes per table, objects by path and size.

PostgreSQL is read in the dump's own snapshot, so its numbers are exact. ClickHouse knows no such
snapshot: its rows are hashed into buckets before and after its BACKUP, and the buckets that stayed
the same are exact for what lies between. In a store at rest that is every bucket.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .failure import StepFailed

BUCKETS = 1024
SAMPLED_OBJECTS = 500  # whose content is hashed, too; restic proves that the others are what it read
Ask = Callable[[str], list[str]]

# The same row must give the same text whatever the server's or the role's settings are.
POSTGRES_SETTINGS = (
    "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres';"
    " set bytea_output = 'hex'; set extra_float_digits = 1;"
)
POSTGRES_TABLES = """
select json_build_array(n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1::text;
"""
CLICKHOUSE_TABLES = (
    "SELECT name FROM system.tables WHERE database = 'default' AND name NOT LIKE '.inner%'"
    " AND (engine LIKE '%MergeTree' OR engine = 'MaterializedView') ORDER BY name"
)


def postgres(ask: Ask) -> dict[str, list[Any]]:
    """Return `[rows, hash]` of every table of the database that `ask` sends SQL to, in its own transaction's view."""
    tables = [json.loads(line) for line in ask(POSTGRES_SETTINGS + POSTGRES_TABLES)]
    if not tables:
        return {}
    union = " union all ".join(_postgres_table(schema, name) for schema, name in tables)
    found = {}
    for line in ask(f"{POSTGRES_SETTINGS} {union};"):
        name, rows, total = json.loads(line)
        found[name] = [rows, total]
    return found


def _postgres_table(schema: str, name: str) -> str:
    """Return the query of one table: the sum of its rows' hashes does not depend on their order."""
    quoted = '"{}"."{}"'.format(schema.replace('"', '""'), name.replace('"', '""'))
    literal = f"{schema}.{name}".replace("'", "''")
    hashed = "('x' || substr(md5(backup_row::text), 1, 15))::bit(60)::bigint"
    return f"select json_build_array('{literal}', count(*), coalesce(sum({hashed}), 0)::text) from {quoted} backup_row"  # noqa: S608


def clickhouse(ask: Ask) -> dict[str, dict[str, list[Any]]]:
    """Return for every table of database `default` the rows and the hash of each bucket that has any.

    A row counts as its text: hashing the columns themselves gives nothing for a row with a NULL.
    """
    found = {}
    for name in ask(CLICKHOUSE_TABLES):
        quoted = name.replace("\\", "\\\\").replace("`", "\\`")
        rows = ask(
            f"SELECT bitAnd(h, {BUCKETS - 1}) AS bucket, count(), sum(h) FROM (SELECT"  # noqa: S608
            f" cityHash64(toString(tuple(*))) AS h FROM default.`{quoted}`) GROUP BY bucket ORDER BY bucket"
        )
        found[name] = {bucket: [int(count), total] for bucket, count, total in (row.split("\t") for row in rows)}
    return found


def settled(before: dict[str, dict[str, list[Any]]], after: dict[str, dict[str, list[Any]]]) -> dict[str, Any]:
    """Return what is certain of a backup between two looks: per table the buckets that stayed, and those that did not.

    `rows` is between the two counts. A table that came or went in between is left out.
    """
    tables = {}
    for name in sorted(before.keys() & after.keys()):
        first, second = before[name], after[name]
        unsettled = sorted(
            (bucket for bucket in first.keys() | second.keys() if first.get(bucket) != second.get(bucket)), key=int
        )
        rows = sorted(sum(count for count, _ in look.values()) for look in (first, second))
        same = {bucket: value for bucket, value in first.items() if bucket not in unsettled}
        tables[name] = {"rows": rows, "buckets": same, "unsettled": unsettled}
    return tables


def objects(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield path and size of every object below the store's folder. Raises OSError: one unread is not one missing."""
    for place, folders, names in os.walk(folder, onerror=_unless_gone):
        folders.sort()
        for name in sorted(names):
            path = Path(place) / name
            try:
                yield path.relative_to(folder).as_posix(), path.stat().st_size
            except FileNotFoundError:
                continue  # deleted while we looked


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def sampled(folder: Path, listing: list[tuple[str, int]]) -> dict[str, str]:
    """Return the sha256 of some objects by path: all of a small store, else those whose paths hash lowest."""
    chosen = sorted(listing, key=lambda one: hashlib.sha256(one[0].encode("utf-8", "surrogateescape")).digest())
    found = {}
    for path, _ in chosen[:SAMPLED_OBJECTS]:
        try:
            found[path] = file_hash(folder / path)
        except FileNotFoundError:
            continue
    return found


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def postgres_differences(expected: dict[str, list[Any]], found: dict[str, list[Any]]) -> list[str]:
    """Return a sentence for each table of PostgreSQL that is not what the manifest says."""
    problems = []
    for name in sorted(expected.keys() | found.keys()):
        if name not in found or name not in expected:
            problems.append(f"PostgreSQL: table {name} is {'missing' if name in expected else 'not in the manifest'}")
        elif expected[name][0] != found[name][0]:
            problems.append(f"PostgreSQL: {name} has {found[name][0]} rows, the manifest says {expected[name][0]}")
        elif expected[name][1] != found[name][1]:
            problems.append(f"PostgreSQL: {name} has the right number of rows, but not the same content")
    return problems


def clickhouse_differences(expected: dict[str, Any], found: dict[str, dict[str, list[Any]]]) -> list[str]:
    """Return a sentence for each table of ClickHouse that is not what the manifest says."""
    problems = []
    for name, table in sorted(expected.items()):
        if name not in found:
            problems.append(f"ClickHouse: table {name} is missing")
            continue
        rows = sum(count for count, _ in found[name].values())
        low, high = table["rows"]
        unsettled = set(table["unsettled"])
        if not unsettled and rows != low:
            problems.append(f"ClickHouse: {name} has {rows} rows, the manifest says {low}")
            continue
        compared = (found[name].keys() | table["buckets"].keys()) - unsettled
        wrong = [bucket for bucket in compared if found[name].get(bucket) != table["buckets"].get(bucket)]
        if wrong:
            problems.append(
                f"ClickHouse: {name} has {rows} rows, the manifest says {low if low == high else f'{low} to {high}'},"
                f" but not the same content ({len(wrong)} of {BUCKETS} buckets differ)"
            )
    return problems


def object_differences(folder: Path, listing: list[list[Any]], samples: dict[str, str]) -> list[str]:
    """Return a sentence for each kind of object that is not what the manifest says; later ones may be there, too."""
    found = dict(objects(folder))
    missing = [path for path, _ in listing if path not in found]
    wrong = [path for path, size in listing if path in found and found[path] != size]
    wrong += [
        path for path, digest in samples.items()
        if path in found and path not in wrong and file_hash(folder / path) != digest
    ]  # fmt: skip
    problems = []
    if missing:
        problems.append(f"objects: {len(missing)} of {len(listing)} are missing, the first is {missing[0]}")
    if wrong:
        problems.append(f"objects: {len(wrong)} have another content, the first is {wrong[0]}")
    return problems


def file_differences(folder: Path, expected: dict[str, str]) -> list[str]:
    """Return a sentence for each file of a set that is missing or has another checksum than the manifest says.

    Raises OSError for one that cannot be read.
    """
    problems = []
    for name, digest in sorted(expected.items()):
        try:
            if file_hash(folder / name) != digest:
                problems.append(f"the file {name} of the set has another checksum than its manifest says")
        except FileNotFoundError as error:
            problems.append(f"the file {name} of the set cannot be read: {error.strerror}")
    return problems


def complain(step: str, identifier: str, problems: list[str]) -> None:
    """Raise StepFailed with all problems of a set if there are any."""
    if problems:
        message = f"set {identifier} does not hold what its manifest says: {problems[0]}"
        if len(problems) > 1:
            message += f" (and {len(problems) - 1} more)"
        raise StepFailed(step, message, kind="content", logs=problems[:20])
