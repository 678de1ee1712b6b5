"""`invoke inventory`: who the hosts are, and where a value comes from."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from gateway.commands.doctor import chosen
from gateway.console import say
from gateway.inventory import Inventory, explain
from gateway.inventory.show import host_records, host_table


def show(inventory: Inventory, host: str, key: str, as_json: bool) -> dict[str, Any]:
    """Print the hosts, or with `key` its value and origin, of `host` (every host if empty); return it as data."""
    inventory = chosen(inventory, host)
    if not key:
        if not as_json:
            Console(highlight=False).print(host_table(inventory))
        return {"environment": inventory.environment, "hosts": host_records(inventory)}
    explained = {name: explain(inventory, name, key) for name in inventory.selected}
    if not as_json:
        for name, text in explained.items():
            say(f"{name}: {text}")
    return {"environment": inventory.environment, "key": key, "hosts": explained}
