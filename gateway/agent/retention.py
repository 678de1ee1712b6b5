"""How long ClickHouse keeps what Helicone writes there: time-to-live clauses of its tables.

Helicone's migrations set some of their own, so they are looked at after every switch, and changed only where they
differ: a change makes ClickHouse rewrite, in the background, what is old enough.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import stores

BODIES = ("request_body", "response_body")
# Setting of `.env`, table, the column that has a row's time; for bodies the columns, else the row goes.
_ROWS = (
    ("RETENTION_REQUESTS_DAYS", "request_response_rmt", "request_created_at"),
    ("RETENTION_API_LOGS_DAYS", "jawn_http_logs", "created_at"),
)
_TABLES = """
SELECT name, create_table_query AS text FROM system.tables
WHERE database = 'default' AND name IN ('request_response_rmt', 'jawn_http_logs') FORMAT JSONEachRow
"""
_INTERVAL = re.compile(r"\bTTL\b.*?\btoInterval(\w+)\((\d+)\)", re.DOTALL)


def apply(project: str, clickhouse: dict[str, Any], password: str, settings: Mapping[str, str]) -> list[str]:
    """Bring the tables to what `settings` (a release's `.env`) says, and return the statements that were needed.

    A release from before there were such settings leaves them alone. Raises StepFailed with ClickHouse's message.
    """
    if "RETENTION_BODIES_DAYS" not in settings:
        return []
    rows = [json.loads(line) for line in stores.clickhouse(project, clickhouse, password, _TABLES)]
    needed = list(statements({row["name"]: row["text"] for row in rows}, settings))
    for statement in needed:
        stores.clickhouse(project, clickhouse, password, statement)
    return needed


def statements(tables: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[str]:
    """Yield the changes that tables, each given as what creates it, need to be as `settings` says."""
    requests = tables.get("request_response_rmt")
    if requests is not None:
        days = int(settings["RETENTION_BODIES_DAYS"])
        for column in BODIES:
            found = re.search(rf"`{column}` (\S+)([^`]*)", requests)
            if found and _days(found[2]) != days:
                # The type has to be said again; default and codec, which are not, stay.
                change = f"{found[1]} TTL {_after('request_created_at', days)}" if days else "REMOVE TTL"
                yield f"ALTER TABLE default.request_response_rmt MODIFY COLUMN {column} {change}"
    for setting, table, column in _ROWS:
        days = int(settings[setting])
        if table in tables and _days(tables[table].rpartition(" ENGINE = ")[2]) != days:
            change = f"MODIFY TTL {_after(column, days)}" if days else "REMOVE TTL"
            yield f"ALTER TABLE default.{table} {change}"


def _after(column: str, days: int) -> str:
    return f"toDateTime({column}) + INTERVAL {days} DAY"


def _days(text: str) -> int:
    """Return the days that a clause keeps something, 0 for none, -1 for what is no number of days."""
    found = _INTERVAL.search(text)
    if found is None:
        return -1 if re.search(r"\bTTL\b", text) else 0
    return int(found[2]) if found[1] == "Day" else -1
