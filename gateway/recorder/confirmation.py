"""Reading back from ClickHouse what jawn has really written.

jawn answers 200 also when it lost the record, with ClickHouse or the object store down. So a record is
done when its row can be read, and not before. Helicone's table is a ReplacingMergeTree ordered by
(organization_id, provider, model, user_id, request_created_at, request_id): should a record reach it
twice after all, the two rows agree in all of that and ClickHouse merges them into one in time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Sequence

from .connections import Connection, NoAnswerError, NotSentError
from .settings import ClickHouse

BATCH = 500
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# A server's time zone shifts its times by a multiple of this many milliseconds. What is left tells apart
# two requests that a client gave the same id, as SDKs do when they try again.
_ZONE_STEP = 15 * 60 * 1000
_ZONES_MARGIN = 15 * 3600

Mark = tuple[str, int]


class UnavailableError(Exception):
    """ClickHouse gave no usable answer; the text says why."""


def mark_of(identity: str, created: int) -> Mark:
    """Return what identifies a request in ClickHouse: its id, and its time without the time zone's share."""
    return identity.lower(), created % _ZONE_STEP


def question(requests: Sequence[tuple[str, int]]) -> str:
    """Return the SQL that finds the rows of some requests, each an id and its time in milliseconds."""
    ids = ",".join(f"'{identity}'" for identity, _ in requests if _UUID.fullmatch(identity))
    times = [created / 1000 for _, created in requests]
    first, last = _moment(min(times) - _ZONES_MARGIN), _moment(max(times) + _ZONES_MARGIN)
    return (
        f"SELECT toString(request_id), toUnixTimestamp64Milli(request_created_at) % {_ZONE_STEP}"  # noqa: S608
        f" FROM default.request_response_rmt WHERE request_id IN ({ids})"
        f" AND request_created_at BETWEEN '{first}' AND '{last}' FORMAT TabSeparated"
    )


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(max(0.0, seconds)))


class Reader:
    """One thread's look into ClickHouse."""

    def __init__(self, clickhouse: ClickHouse, connect_within: float = 5, answer_within: float = 30) -> None:
        self._connection = Connection(clickhouse.url, connect_within, answer_within)
        self._headers = {
            "X-ClickHouse-User": clickhouse.user,
            "X-ClickHouse-Key": clickhouse.password,
            "content-type": "text/plain",
        }

    def present(self, requests: Collection[tuple[str, int]]) -> set[Mark]:
        """Return the marks of those requests, each an id and its time, whose rows are there.

        Raises UnavailableError when ClickHouse does not answer, or answers with an error.
        """
        found: set[Mark] = set()
        asked = [(identity, created) for identity, created in requests if _UUID.fullmatch(identity)]
        for start in range(0, len(asked), BATCH):
            for line in self._ask(question(asked[start : start + BATCH])).splitlines():
                identity, _, created = line.partition("\t")
                if not created.isdecimal():  # an error after a good start comes in the body
                    raise UnavailableError(f"ClickHouse broke off: {line[:200]}")
                found.add((identity.lower(), int(created)))
        return found

    def ping(self) -> None:
        """Raise UnavailableError unless the table can be read."""
        self._ask("SELECT request_id FROM default.request_response_rmt LIMIT 0 FORMAT TabSeparated")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, statement: str) -> str:
        try:
            status, content = self._connection.post("/", statement.encode(), self._headers)
        except (NotSentError, NoAnswerError) as error:
            raise UnavailableError(f"ClickHouse does not answer: {error}") from error
        text = content.decode("utf-8", "replace")
        if status != 200:
            raise UnavailableError(f"ClickHouse answered {status}: {text[:200]}")
        return text
