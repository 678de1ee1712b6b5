"""A record as the spool keeps it."""

from __future__ import annotations

import json

from .record import Record

Row = tuple[str, int, float, int, str, str, bytes, bytes]
INSERT = "INSERT INTO record (id, created, taken, bytes, key, about, request, response) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_OVERHEAD = 200  # bytes of a row besides its texts and bodies, roughly


def row_of(record: Record, now: float) -> Row:
    """Return a record as the spool keeps it."""
    about = json.dumps(
        [
            record.provider,
            record.kind,
            record.url,
            record.headers,
            record.response_type,
            record.status,
            record.started,
            record.first_byte,
            record.ended,
            record.complete,
            record.omitted,
        ],
    )
    size = _OVERHEAD + len(about) + len(record.request_body) + len(record.response_body)
    return (
        _text(record.id),
        round(record.started * 1000),
        now,
        size,
        _text(record.key),
        about,
        record.request_body,
        record.response_body,
    )


def record_of(row: tuple[str, str, str, bytes, bytes]) -> Record:
    """Return the record of a row's id, key, about, request and response."""
    identity, key, about, request, response = row
    provider, kind, url, headers, response_type, status, started, first_byte, ended, complete, omitted = json.loads(
        about,
    )
    return Record(
        id=identity,
        key=key,
        provider=provider,
        kind=kind,
        url=url,
        headers=headers,
        request_body=request,
        response_body=response,
        response_type=response_type,
        status=status,
        started=started,
        first_byte=first_byte,
        ended=ended,
        complete=complete,
        omitted=omitted,
    )


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
