"""The recorder: what passed the gateway is on its way to Helicone, and nothing was lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.verify.checks import check
from gateway.verify.target import Target

SILENT_SECONDS = 30  # it writes about itself every two seconds
BACKLOG_SECONDS = 600  # older records mean that Helicone does not take them
FULL = 0.8


def records(target: Target) -> bool:
    return target.has_release and "recorder" in target.release.services


def records_so_far(target: Target) -> bool:
    """Tell whether what the recorder went through before counts: not while a deploy waits for the outcome."""
    return records(target) and target.deploying is None


def state(target: Target) -> Mapping[str, Any]:
    """Return what the recorder says of itself. Raises AssertionError if it says nothing."""
    found: Mapping[str, Any] | None = target.snapshot["edge"]["recorder"]
    assert found is not None, f"{target.name}: the recorder has not said anything about itself"
    return found


@check("the recorder is at work", when=records)
def test_alive(target: Target) -> None:
    age = state(target)["age"]
    assert age < SILENT_SECONDS, (
        f"{target.name}: the recorder last said something {age:.0f} s ago: requests wait in the gateway's memory, until"
        " recorder.mirror is full"
    )


@check("recorded requests reach Helicone", when=records_so_far)
def test_backlog(target: Target) -> None:
    found = state(target)
    assert found["oldest_seconds"] < BACKLOG_SECONDS, (
        f"{target.name}: {found['waiting']} records wait, the oldest for {found['oldest_seconds']:.0f} s;"
        f" nothing is lost yet. The last problem: {found['last_error'] or 'none'}"
    )


@check("the recorder's spool has room", when=records_so_far)
def test_room(target: Target) -> None:
    found = state(target)
    assert found["waiting_bytes"] < FULL * found["spool_limit"], (
        f"{target.name}: {found['waiting_bytes'] >> 20} MB of {found['spool_limit'] >> 20} MB are taken by waiting"
        " records; when it is full, new ones are dropped"
    )


@check("what the recorder has not taken down has room", when=records_so_far)
def test_mirror(target: Target) -> None:
    found = state(target)
    taken, bound = found.get("mirror_bytes", 0), found.get("mirror_limit", 0)  # a former release says neither
    assert taken <= FULL * bound, (
        f"{target.name}: {taken >> 20} MB of {bound >> 20} MB are taken by requests"
        " under way or not taken down yet; when it is full, requests pass unrecorded"
    )


@check("no record was dropped", when=records_so_far)
def test_dropped(target: Target) -> None:
    found = state(target)
    assert not found["dropped_recently"], (
        f"{target.name}: {found['dropped_recently']} records were dropped within the last hour: the spool was full"
    )


@check("no request passed unrecorded", when=records_so_far)
def test_gaps(target: Target) -> None:
    found = state(target)
    assert not found["gaps_recently"], (
        f"{target.name}: {found['gaps_recently']} requests of the last hour passed without a record: there was no"
        " room for them (recorder.mirror), gateway and recorder ended together, or gateway.recording was inline"
    )
