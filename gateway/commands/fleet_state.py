"""Seeing all hosts at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.inventory import Inventory
from gateway.release import HostRelease
from gateway.transport.fleet import Conversations, need_all, on_all


def observe(
    inventory: Inventory,
    conversations: Conversations,
    releases: Mapping[str, HostRelease] | None = None,
    on_failure: Callable[[dict[str, Exception]], None] = need_all,
) -> dict[str, Any]:
    """Return every connected host's snapshot, asked at the same time.

    With `releases` it tells which of their images are missing on each host. Hosts that did not answer
    are handed to `on_failure`, which raises if the command needs them.
    """

    def snapshot(name: str) -> Any:
        images = {service["image"] for service in releases[name].manifest["services"]} if releases else set()
        return conversations[name].request(
            "snapshot",
            project=f"helicone-{inventory.environment}",
            registries=list(inventory.hosts[name].variables.docker.registry_certificates),
            images=sorted(images),
        )

    observed, failures = on_all(list(conversations), snapshot)
    if failures:
        on_failure(failures)
    return observed
