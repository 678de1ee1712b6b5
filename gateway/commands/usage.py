"""`invoke usage`: what passed the gateway, by model and by key, from Helicone's own store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.commands.apikey import FINGERPRINT
from gateway.commands.project import Project
from gateway.commands.stores import Row, Stores, open_stores
from gateway.console import say, table
from gateway.durations import seconds_in
from gateway.errors import UnreachableError

# Helicone stores costs as whole numbers (COST_PRECISION_MULTIPLIER in packages/cost/costCalc.ts).
COST_UNIT = 1_000_000_000
NO_MODEL = "(no model)"
MODEL, KEY = "model", "properties['gateway-key']"  # what requests are told by
UNNOTED = "(key not noted)"  # recorded before the gateway noted keys, or by another way than the gateway
_COLUMNS = ["requests", "errors", "tokens in", "tokens out", "cost $", "p50 ms", "p95 ms"]
# One statement for the total and its parts: a row that arrives between two would be in the one and not in the other.
# FINAL: the table keeps a row that was written twice until it merges. A negative status is an answer that broke off.
_SELECT = """
SELECT part.1 AS kind, part.2 AS name, count() AS requests, countIf(status < 200 OR status >= 400) AS errors,
    ifNull(sum(prompt_tokens), 0) AS tokens_in, ifNull(sum(completion_tokens), 0) AS tokens_out,
    ifNull(sum(cost), 0) AS units, quantile(0.5)(latency) AS half, quantile(0.95)(latency) AS most
FROM default.request_response_rmt FINAL
ARRAY JOIN [('total', ''), ('model', toString(model)), ('key', {key})] AS part
WHERE request_created_at > now64(3) - INTERVAL {seconds} SECOND
GROUP BY kind, name ORDER BY requests DESC, name
"""
_HOURLY = """
SELECT {group} AS name, toUnixTimestamp(toStartOfHour(request_created_at)) AS hour,
    quantile(0.5)(latency) AS p50_ms, quantile(0.99)(latency) AS p99_ms
FROM default.request_response_rmt FINAL
WHERE request_created_at > now64(3) - INTERVAL {seconds} SECOND
GROUP BY name, hour ORDER BY name, hour
"""


def usage(project: Project, since: str, as_json: bool) -> dict[str, Any]:
    """Print requests, errors, tokens, cost and latencies since a while ago, by the store's clock; return them as data.

    Raises ConfigurationError for a time that is none, UnreachableError when ClickHouse cannot be asked.
    """
    seconds = seconds_in(since, "--since")
    with open_stores(project) as stores:
        found, problem = traffic(stores, seconds)
    result = {"environment": project.inventory.environment, "since_seconds": seconds, **found}
    if not as_json:
        _print(result, since, problem)
    return result


def traffic(stores: Stores, seconds: int) -> tuple[dict[str, Any], str]:
    """Return `total`, `models` and `keys` of the last `seconds`, and why the keys' names are not known, if so."""
    found: dict[str, list[Row]] = {"total": [], "model": [], "key": []}
    for row in stores.clickhouse(_SELECT.format(key=KEY, seconds=seconds)):
        found[row["kind"]].append(row)
    names, problem = _key_names(stores)
    keys = [{"fingerprint": row["name"], **figures(row), **_key(row["name"], names)} for row in found["key"]]
    total = figures(found["total"][0] if found["total"] else {"name": ""})
    return {"total": total, "models": [figures(row) for row in found["model"]], "keys": keys}, problem


def hourly(stores: Stores, group: str, seconds: int) -> dict[str, list[dict[str, Any]]]:
    """Return the latencies of each hour by MODEL or KEY: `hour` (its first second), `p50_ms` and `p99_ms`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in stores.clickhouse(_HOURLY.format(group=group, seconds=seconds)):
        latencies = {key: None if row[key] is None else float(row[key]) for key in ("p50_ms", "p99_ms")}
        found.setdefault(row["name"], []).append({"hour": int(row["hour"]), **latencies})
    return found


def figures(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of ClickHouse as numbers: it writes large ones as text, and no latency as null."""
    latencies = {name: row.get(column) for name, column in (("p50_ms", "half"), ("p95_ms", "most"))}
    return {
        "name": row["name"],
        **{name: int(row.get(name) or 0) for name in ("requests", "errors", "tokens_in", "tokens_out")},
        "cost_usd": int(row.get("units") or 0) / COST_UNIT,
        **{name: None if value is None else round(float(value)) for name, value in latencies.items()},
    }


def _key_names(stores: Stores) -> tuple[dict[str, Row], str]:
    """Return the keys that PostgreSQL knows by fingerprint, revoked ones too, and why it does not tell."""
    try:
        rows = stores.postgres(
            f"select left(api_key_hash, {FINGERPRINT}) as fingerprint, api_key_name as name, soft_delete as revoked"
            " from public.helicone_api_keys"
        )
    except UnreachableError as error:
        return {}, error.message
    return {row["fingerprint"]: row for row in rows}, ""


def _key(fingerprint: str, names: Mapping[str, Row]) -> dict[str, Any]:
    if not fingerprint:
        return {"name": UNNOTED, "revoked": False}
    known = names.get(fingerprint)
    return {"name": known["name"], "revoked": known["revoked"]} if known else {"name": fingerprint, "revoked": False}


def _print(result: Mapping[str, Any], since: str, problem: str) -> None:
    total = result["total"]
    say(
        f"{total['requests']} requests in the last {since}: {total['errors']} errors,"
        f" {total['tokens_in']} tokens in, {total['tokens_out']} out, {total['cost_usd']:.4f} $"
    )
    if total["requests"]:
        table("", ["model", *_COLUMNS], [_shown(one["name"] or NO_MODEL, one) for one in result["models"]], 1)
        table("", ["key", *_COLUMNS], [_shown(titled(one), one) for one in result["keys"]], 1)
    if problem:
        say(f"the keys' names are not known: {problem}", "yellow")


def titled(key: Mapping[str, Any]) -> str:
    """Return what a key of `traffic` is called."""
    return f"{key['name']} (revoked)" if key["revoked"] else str(key["name"])


def _shown(title: str, one: Mapping[str, Any]) -> list[str]:
    latencies: Sequence[int | None] = (one["p50_ms"], one["p95_ms"])
    return [
        title, *(str(one[name]) for name in ("requests", "errors", "tokens_in", "tokens_out")),
        f"{one['cost_usd']:.4f}", *("-" if value is None else str(value) for value in latencies),
    ]  # fmt: skip
