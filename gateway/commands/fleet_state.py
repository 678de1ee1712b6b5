"""Seeing all hosts at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from gateway.console import Reporter
from gateway.errors import LockedError
from gateway.inventory import Inventory
from gateway.release import HostRelease
from gateway.transport import snapshot
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

    def look(name: str) -> Any:
        """Ask one host."""
        images = {service["image"] for service in releases[name].manifest["services"]} if releases else set()
        certificates = inventory.hosts[name].variables.docker.registry_certificates
        return snapshot.take(conversations[name], inventory.project, certificates, images)

    observed, failures = on_all(list(conversations), look)
    if failures:
        on_failure(failures)
    return observed


def observe_unlocked(
    inventory: Inventory,
    conversations: Conversations,
    reporter: Reporter,
    releases: Mapping[str, HostRelease] | None = None,
) -> dict[str, Any]:
    """Return the snapshots of hosts that nobody is changing, for a command that is going to.

    A host that only finishes what a controller began that is gone by now is waited for, as long as
    its services may take to become healthy. Raises LockedError when somebody's command is at work.
    """
    deadline = time.monotonic() + max(host.variables.deploy.health_timeout for host in inventory.hosts.values())
    while True:
        observed = observe(inventory, conversations, releases)
        held = {name: seen["lease"] for name, seen in observed.items() if seen["lease"]}
        if not held:
            return observed
        name, lease = next(iter(held.items()))
        words = (
            f"{lease['owner']} is running `{lease['command']}` on this host since {lease['since']}"
            f" ({lease['seconds']} s)"
        )
        if not lease["orphaned"] or time.monotonic() > deadline:
            raise LockedError(
                words,
                where=f"{name}: lease",
                unaffected="every host: nothing was changed",
                next_step=f"wait until it is done; to see whose it is: invoke unlock --env {inventory.environment}",
            )
        with reporter.step(name, f"waiting: its controller is gone, the host finishes alone: {words}"):
            time.sleep(1)
