"""The hosts of an environment as a table, and as data for --json."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from rich.table import Table

if TYPE_CHECKING:
    from gateway.inventory.model import Inventory


class HostRecord(TypedDict):
    """What `invoke inventory` says about one host."""

    name: str
    address: str
    groups: list[str]
    roles: list[str]
    selected: bool


def host_records(inventory: Inventory) -> list[HostRecord]:
    """Return a record for each host of `inventory`, in its order."""
    return [
        HostRecord(
            name=host.name,
            address=host.address,
            groups=list(host.groups),
            roles=list(host.roles),
            selected=host.name in inventory.selected,
        )
        for host in inventory.hosts.values()
    ]


def host_table(inventory: Inventory) -> Table:
    """Return the selected hosts of `inventory` as a table: name, address, groups, roles."""
    table = Table(title=f"environment {inventory.environment}", title_justify="left")
    for column in ("host", "address", "groups", "roles"):
        table.add_column(column, overflow="fold")
    for record in host_records(inventory):
        if record["selected"]:
            table.add_row(record["name"], record["address"], ", ".join(record["groups"]), ", ".join(record["roles"]))
    return table
