"""What a host's history says of its releases: how each turned out, and which a rollback may choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.agent.store import release_number


def outcomes(history: list[Mapping[str, Any]]) -> dict[str, str]:
    """Return the last recorded outcome of each release in a host's history (`good`, `failed`)."""
    return {entry["release"]: entry["outcome"] for entry in history}


def verdicts(history: list[Mapping[str, Any]]) -> dict[str, str]:
    """Return how each release of a host's history proved itself: a rollback to it that failed is no word about it.

    That ended by Ctrl-C, or by a fault of the day, and the release was good before.
    """
    return outcomes([one for one in history if (one["command"], one["outcome"]) != ("rollback", "failed")])


def left_behind(history: list[Mapping[str, Any]]) -> set[str]:
    """Return the releases of a host's history that a rollback has led away from, and nothing has led to again."""
    left: set[str] = set()
    ran: list[str] = []  # the way to what runs now: a rollback takes away what came after its target, or else the last
    for entry in history:
        release = entry["release"]
        if entry["outcome"] != "good":
            continue
        if entry["command"] == "rollback" and ran and release_number(release) < release_number(ran[-1]):
            kept = ran.index(release) + 1 if release in ran else -1
            left.update(ran[kept:])
            del ran[kept:]
        left.discard(release)
        if release not in ran[-1:]:
            ran.append(release)
    return left


def kept_releases(keep: int, observed: Mapping[str, Any]) -> int:
    """Return how many of a host's releases stay so that `keep` are left which a rollback may choose by itself."""
    return keep + len(left_behind(observed["history"]) & set(observed["releases"]))
