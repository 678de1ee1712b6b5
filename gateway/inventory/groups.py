"""Groups and their hosts, as `hosts.yml` lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.document import Entry, mapping_of
from gateway.errors import ConfigurationError
from gateway.wording import did_you_mean, nearest_name, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_GROUP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
_PARTS = ("hosts", "children", "vars")
_NONE = Entry(None, 0)


@dataclass
class Group:
    """A group as written: its own hosts, its child groups, its variables, and its first line."""

    name: str
    line: int
    hosts: list[str] = field(default_factory=list)
    children: dict[str, int] = field(default_factory=dict)
    variables: Entry = _NONE


@dataclass
class Layout:
    """All that `hosts.yml` says: groups by name, hosts in the order written with their line and variables."""

    shown: str
    groups: dict[str, Group]
    hosts: dict[str, Entry]

    def depths(self) -> Mapping[str, int]:
        """Return how far each group is from `all`, on the longest way; `all` itself is 0.

        Raises ConfigurationError if a group is, through others, its own child.
        """
        depths: dict[str, int] = {"all": 0}
        for name in self.groups:
            self._depth(name, (), depths)
        return depths

    def members(self) -> Mapping[str, frozenset[str]]:
        """Return the hosts of each group, those of its children included; `all` has every host."""
        found: dict[str, frozenset[str]] = {"all": frozenset(self.hosts)}
        for name in self.groups:
            self._members(name, found)
        return found

    def _depth(self, name: str, way: tuple[str, ...], depths: dict[str, int]) -> int:
        """Return the depth of group `name`, reached from its descendants along `way`."""
        if name in way:
            cycle = [*way[way.index(name) :], name]
            raise ConfigurationError(
                f"groups contain each other: {' -> '.join(reversed(cycle))}",
                where=f"{self.shown}:{self.groups[name].line}",
                next_step="take one of them out of the other's `children`",
            )
        if name not in depths:
            parents = [group.name for group in self.groups.values() if name in group.children]
            depths[name] = 1 + max((self._depth(parent, (*way, name), depths) for parent in parents), default=0)
        return depths[name]

    def _members(self, name: str, found: dict[str, frozenset[str]]) -> frozenset[str]:
        """Return the hosts of group `name`; the groups are known to hold no cycle."""
        if name not in found:
            group = self.groups[name]
            below = [self._members(child, found) for child in group.children]
            found[name] = frozenset(group.hosts).union(*below)
        return found[name]


def read_layout(entry: Entry, shown: str) -> Layout:
    """Return the groups and hosts that the document `entry` of the file `shown` lists.

    Raises ConfigurationError for names that cannot be used, parts of a group other than hosts,
    children and vars, a host or group that is described twice, and an empty inventory.
    """
    layout = Layout(shown, {"all": Group("all", entry.line)}, {})
    for name, body in mapping_of(entry, shown, "hosts.yml").items():
        _add_group(layout, name, body)
    if not layout.hosts:
        raise ConfigurationError(
            "the environment has no hosts",
            where=shown,
            next_step="list them by group, for example `app: {hosts: {app1: }}`",
        )
    return layout


def _add_group(layout: Layout, name: str, body: Entry) -> None:
    """Add group `name` with its hosts and children to `layout`."""
    shown = layout.shown
    where = f"{shown}:{body.line}"
    if not _GROUP_NAME.fullmatch(name):
        raise ConfigurationError(f"`{printable(name)}` cannot be the name of a group", where=where)
    group = layout.groups.setdefault(name, Group(name, body.line))
    parts = mapping_of(body, shown, f"group `{name}`")
    for part, value in parts.items():
        if part not in _PARTS:
            raise ConfigurationError(
                f"unknown key `{printable(part)}` in group `{name}`{did_you_mean(nearest_name(part, _PARTS))}",
                where=f"{shown}:{value.line}",
                next_step="a group has `hosts`, `children` and `vars`",
            )
    for host, inline in mapping_of(parts.get("hosts", _NONE), shown, f"`hosts` of group `{name}`").items():
        _add_host(layout, group, host, inline)
    children = mapping_of(parts.get("children", _NONE), shown, f"`children` of group `{name}`")
    for child, inner in children.items():
        if child == "all":
            raise ConfigurationError(
                f"groups contain each other: all -> {name} -> all",
                where=f"{shown}:{inner.line}",
                next_step="take `all` out of `children`: it holds every group already",
            )
        group.children[child] = inner.line
        _add_group(layout, child, inner)
    if "vars" in parts:
        if group.variables.value is not None:
            raise ConfigurationError(
                f"group `{name}` has `vars` twice, first in line {group.variables.line}",
                where=f"{shown}:{parts['vars'].line}",
                next_step=f"put them together into group_vars/{name}.yml",
            )
        group.variables = parts["vars"]


def _add_host(layout: Layout, group: Group, host: str, inline: Entry) -> None:
    """Add `host` with its `inline` variables to `group`."""
    where = f"{layout.shown}:{inline.line}"
    if not _HOST_NAME.fullmatch(host):
        hint = "; write out every host of a range" if "[" in host else ""
        raise ConfigurationError(f"`{printable(host)}` cannot be the name of a host{hint}", where=where)
    mapping_of(inline, layout.shown, f"host `{host}`")
    if host not in group.hosts:
        group.hosts.append(host)
    known = layout.hosts.get(host)
    if known is None or not known.value:
        layout.hosts[host] = Entry(inline.value, inline.line if inline.value or known is None else known.line)
    elif inline.value:
        raise ConfigurationError(
            f"host `{host}` has variables twice, first in line {known.line}",
            where=where,
            next_step=f"put them together into host_vars/{host}.yml",
        )
