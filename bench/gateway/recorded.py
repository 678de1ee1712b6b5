"""Proof of recording: rows in the store for each measurement, and what the recorder says of itself."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from bench.gateway.layout import PROJECT
from lab.engine import docker
from lab.progress import wait_until

PROPERTY = "bench"  # a property is called as its header is written, and proxies write headers small
LOST = ("dropped_total", "refused_total", "gaps_total")


def header(mark: str) -> dict[str, str]:
    """Return the header by which a measurement's requests are told apart in the store."""
    return {f"helicone-property-{PROPERTY}": mark}


def rows(mark: str) -> tuple[int, int]:
    """Return how many rows the store has for a measurement, and how many different requests these are."""
    query = f"SELECT count(), uniqExact(request_id) FROM request_response_rmt WHERE properties['{PROPERTY}'] = '{mark}'"  # noqa: S608
    found, different = docker("exec", _container("clickhouse"), "clickhouse-client", "--query", query).split()
    return int(found), int(different)


def state() -> dict[str, Any]:
    """Return the recorder's own account."""
    said: dict[str, Any] = json.loads(
        docker("exec", _container("recorder"), "python3", "-B", "-m", "recorder", "status")
    )
    return said


def last_state(seconds: float) -> dict[str, Any]:
    """Return the recorder's own account as soon as nothing waits, or when the time is over.

    It looks for what it has delivered a moment later than the benchmark does.
    """
    wait_until(lambda: int(state()["waiting"]) == 0, seconds=seconds, pause=1)
    return state()


def wait_for_rows(mark: str, sent: int, seconds: float, still: float) -> tuple[int, int]:
    """Return the rows of a measurement as soon as there are as many as were sent.

    Gives up after `seconds`, or when none has been added for `still` seconds.
    """
    began = grown = time.monotonic()
    last = -1
    while True:
        found, different = rows(mark)
        now, missing = time.monotonic(), sent - different
        grown, last = (now, different) if different != last else (grown, last)
        if missing <= 0 or now - began > seconds or now - grown > still:
            return found, different
        time.sleep(min(5.0, 0.5 + missing / 1000))


def lost(after: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, int]:
    """Return what the recorder says that it lost between two of its accounts, by the way it was lost."""
    grown = {name: int(after[name]) - int(before[name]) for name in LOST}
    return {name: number for name, number in grown.items() if number}


def _container(service: str) -> str:
    """Return the newest container of a service of the environment."""
    listing = docker(
        "ps", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}",
        "--filter", f"label=com.docker.compose.service={service}",
    )  # fmt: skip
    return listing.split()[0]
