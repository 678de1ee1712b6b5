"""From an inventory to the files of every host: pure, and the same bytes each time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.render.host import render_host
from gateway.render.merge import merged_definition
from gateway.render.model import RenderedFile, RenderedHost, RenderedService
from gateway.render.shared import Merge

if TYPE_CHECKING:
    from gateway.inventory.model import Inventory
    from gateway.upstream import Upstream
    from gateway.vault import Vault

__all__ = ["RenderedFile", "RenderedHost", "RenderedService", "render_environment"]


def render_environment(
    inventory: Inventory,
    vault: Vault,
    upstream: Upstream,
    lock: Mapping[str, str],
    merge: Merge = merged_definition,
) -> dict[str, RenderedHost]:
    """Return what every selected host of `inventory` gets, in the inventory's order.

    The hosts are rendered side by side, since most of the time goes to runs of Compose: one for each host, or
    one for all that share a form where `merge` remembers what it made. Raises one ConfigurationError that lists
    the problems of all hosts, a host that has the problem of an earlier one left out.
    """
    hosts = [host for name, host in inventory.hosts.items() if name in inventory.selected]
    with ThreadPoolExecutor(max_workers=2 * (os.cpu_count() or 2)) as pool:
        futures = {host.name: pool.submit(render_host, inventory, host, vault, upstream, lock, merge) for host in hosts}
    errors: list[ConfigurationError] = []
    rendered: dict[str, RenderedHost] = {}
    for name, future in futures.items():
        try:
            rendered[name] = future.result()
        except ConfigurationError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigurationError("\n".join(dict.fromkeys(str(error) for error in errors)))
    return rendered
