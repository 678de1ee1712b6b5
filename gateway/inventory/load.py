"""Reading an environment: from files to typed, validated hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from gateway.document import Entry, read_document
from gateway.errors import ConfigurationError
from gateway.inventory.environments import environment_folder, variable_layers
from gateway.inventory.groups import Layout, read_layout
from gateway.inventory.layers import Layer, Leaf, layer_of, merge, nested, role_defaults, set_layer
from gateway.inventory.model import Host, Inventory
from gateway.inventory.typing_problem import describe_invalid
from gateway.inventory.validate import validate_inventory
from gateway.variables import HostVariables
from gateway.wording import did_you_mean, nearest_name, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ROLES = ("data", "app", "edge")


@dataclass(frozen=True)
class _Sources:
    """All that was read for an environment, before it is laid out for each host."""

    folder: Path
    layout: Layout
    base: tuple[Layer, ...]  # role defaults and what is said for all hosts
    groups: Mapping[str, tuple[Layer, ...]]
    hosts: Mapping[str, tuple[Layer, ...]]
    settings: Layer


def load_inventory(root: Path, environment: str, settings: Sequence[str] = (), limit: str | None = None) -> Inventory:
    """Return the inventory of `environment` below the project's `root`.

    `settings` are `key=value` texts, as given to --set; `limit` is a comma-separated list of hosts
    and groups, as given to --limit. Only files are read; nothing is remembered between calls.
    Raises ConfigurationError, with file and line, for anything that is wrong in any host, whether
    `limit` selects it or not: hosts of an environment depend on each other.
    """
    root = root.resolve()
    sources = _read(root, environment_folder(root, environment), settings)
    layout = sources.layout
    depths = layout.depths()
    members = layout.members()
    base = merge(sources.base)
    hosts = {}
    for name in layout.hosts:
        groups = [group for group, inside in members.items() if group != "all" and name in inside]
        groups.sort(key=lambda group: (depths[group], group))
        hosts[name] = _host(name, tuple(groups), base, sources)
    selected = _select(hosts, members, limit)
    inventory = Inventory(environment, root / sources.folder, hosts, selected)
    validate_inventory(inventory, {name: _line(layout, name) for name in hosts})
    return inventory


def _read(root: Path, folder: Path, settings: Sequence[str]) -> _Sources:
    """Return every layer of the environment in `folder`, relative to `root`."""
    file = folder / "hosts.yml"
    layout = read_layout(read_document(root / file, str(file)), str(file))
    layout.depths()  # a cycle is an error before anything else is read
    groups = variable_layers(root, folder, "group_vars", layout.groups)
    hosts = variable_layers(root, folder, "host_vars", layout.hosts)
    grouped = {
        name: (_inline(group.variables, file, _group_layer(name)), *groups.get(name, ()))
        for name, group in layout.groups.items()
    }
    return _Sources(
        folder,
        layout,
        (*role_defaults(root), *grouped.pop("all")),
        grouped,
        {name: (_inline(entry, file, "host_vars"), *hosts.get(name, ())) for name, entry in layout.hosts.items()},
        set_layer(settings),
    )


def _group_layer(name: str) -> str:
    """Return what the layer of variables written in hosts.yml for group `name` is called."""
    return "group_vars/all" if name == "all" else f"group {name}"


def _inline(entry: Entry, file: Path, layer: str) -> Layer:
    """Return the layer that is written inside hosts.yml itself; empty if there is none."""
    return layer_of(entry, file, layer) if entry.value is not None else {}


def _host(name: str, groups: tuple[str, ...], base: Mapping[str, Leaf], sources: _Sources) -> Host:
    """Return host `name`, its variables laid over `base` and typed."""
    own = [layer for group in groups for layer in sources.groups[group]]
    above = (*own, *sources.hosts[name], sources.settings)
    leaves = merge((base, *above))
    try:
        variables = HostVariables.model_validate(nested(leaves))
    except ValidationError as error:
        raise describe_invalid(error, name, sources.folder, leaves) from None
    roles = tuple(role for role in ROLES if role in groups or role in variables.roles)
    if not roles:
        raise ConfigurationError(
            f"host `{name}` has no role",
            where=_line(sources.layout, name),
            next_step=f"put it into a group named {', '.join(ROLES)}, or set its variable `roles`",
        )
    origins = {key: leaf.origin for key, leaf in leaves.items()}
    return Host(name, groups, roles, variables, origins, (*sources.base, *above))


def _line(layout: Layout, host: str) -> str:
    """Return file and line of `host` in hosts.yml."""
    return f"{layout.shown}:{layout.hosts[host].line}"


def _select(hosts: Mapping[str, Host], members: Mapping[str, frozenset[str]], limit: str | None) -> tuple[str, ...]:
    """Return the names of the hosts that `limit` selects, all without a limit, in their own order."""
    if limit is None:
        return tuple(hosts)
    wanted: set[str] = set()
    for word in (part.strip() for part in limit.split(",")):
        if word in hosts:
            wanted.add(word)
        elif word in members:
            wanted |= members[word]
        else:
            raise ConfigurationError(
                f"there is no host or group `{printable(word)}`{did_you_mean(nearest_name(word, [*hosts, *members]))}",
                where="--limit",
                next_step=f"hosts: {', '.join(hosts)}; groups: {', '.join(sorted(members))}",
            )
    if not wanted:
        raise ConfigurationError(
            f"`{printable(limit)}` selects no host", where="--limit", next_step=f"hosts: {', '.join(hosts)}"
        )
    return tuple(name for name in hosts if name in wanted)
