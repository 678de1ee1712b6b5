"""Time-to-live clauses in ClickHouse."""

from __future__ import annotations

import json

import pytest

from gateway.agent import retention, stores

TTL = "TTL toDateTime(request_created_at) + toInterval"


def requests(bodies="", rows=""):
    """Return what creates the table of requests, with clauses for its bodies and its rows."""
    return (
        "CREATE TABLE default.request_response_rmt (`request_id` UUID, `request_created_at` DateTime64(3),"
        f" `request_body` String DEFAULT '' {bodies}, `response_body` String DEFAULT '' {bodies},"
        " `assets` Array(String) CODEC(ZSTD(1)), INDEX i mapKeys(properties) TYPE bloom_filter GRANULARITY 1)"
        " ENGINE = ReplacingMergeTree(updated_at) PARTITION BY toYYYYMM(request_created_at)"
        f" ORDER BY (organization_id, request_id) {rows}SETTINGS index_granularity = 8192"
    )


API = (
    "CREATE TABLE default.jawn_http_logs (`url` String, `created_at` DateTime64(3, 'UTC') DEFAULT now())"
    " ENGINE = MergeTree ORDER BY created_at TTL toDateTime(created_at) + toIntervalDay(90) SETTINGS x = 1"
)


def wanted(bodies=90, rows=0, api=90):
    return {
        "RETENTION_BODIES_DAYS": str(bodies), "RETENTION_REQUESTS_DAYS": str(rows),
        "RETENTION_API_LOGS_DAYS": str(api),
    }  # fmt: skip


def changes(tables, **days):
    return [text.removeprefix("ALTER TABLE default.") for text in retention.statements(tables, wanted(**days))]


def test_what_is_as_wanted_is_left_alone():
    tables = {"request_response_rmt": requests(f"{TTL}Day(90)"), "jawn_http_logs": API}
    assert changes(tables) == []


def test_helicones_three_months_become_days_once():
    after = "toDateTime(request_created_at) + INTERVAL 90 DAY"
    assert changes({"request_response_rmt": requests(f"{TTL}Month(3)")}) == [
        f"request_response_rmt MODIFY COLUMN request_body String TTL {after}",
        f"request_response_rmt MODIFY COLUMN response_body String TTL {after}",
    ]


@pytest.mark.parametrize(
    ("days", "tables", "statement"),
    [
        (
            {"rows": 365}, {"request_response_rmt": requests(f"{TTL}Day(90)")},
            "request_response_rmt MODIFY TTL toDateTime(request_created_at) + INTERVAL 365 DAY",
        ),
        (
            {"rows": 0}, {"request_response_rmt": requests(f"{TTL}Day(90)", f"{TTL}Day(365) ")},
            "request_response_rmt REMOVE TTL",
        ),
        ({"api": 7}, {"jawn_http_logs": API}, "jawn_http_logs MODIFY TTL toDateTime(created_at) + INTERVAL 7 DAY"),
        ({"api": 0}, {"jawn_http_logs": API}, "jawn_http_logs REMOVE TTL"),
    ],
)  # fmt: skip
def test_rows_go_after_as_many_days_as_are_wanted(days, tables, statement):
    assert changes(tables, **days) == [statement]


def test_bodies_may_stay_for_ever():
    assert changes({"request_response_rmt": requests(f"{TTL}Day(90)")}, bodies=0) == [
        "request_response_rmt MODIFY COLUMN request_body REMOVE TTL",
        "request_response_rmt MODIFY COLUMN response_body REMOVE TTL",
    ]
    assert changes({"request_response_rmt": requests()}, bodies=0) == []


def test_statements_are_sent_and_told(monkeypatch):
    asked = []

    def clickhouse(project, settings, password, sql):
        asked.append(sql)
        return [json.dumps({"name": "jawn_http_logs", "text": API})] if "system.tables" in sql else []

    monkeypatch.setattr(stores, "clickhouse", clickhouse)
    assert retention.apply("helicone-x", {}, "secret", wanted(api=1)) == asked[1:]
    assert len(asked) == 2


def test_a_release_from_before_there_were_such_settings_leaves_all_as_it_is(monkeypatch):
    monkeypatch.setattr(stores, "clickhouse", lambda *_: pytest.fail("nobody is asked"))
    assert retention.apply("helicone-x", {}, "secret", {"PORT": "1"}) == []
