"""Where a value comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.errors import ConfigurationError
from gateway.inventory.schema import Kind, kind_of, nearest_key, path_of
from gateway.wording import did_you_mean, nearest_name, printable

if TYPE_CHECKING:
    from gateway.inventory.layers import Leaf
    from gateway.inventory.model import Host, Inventory


def explain(inventory: Inventory, host: str, key: str) -> str:
    """Return the value of the dotted `key` on `host`, the file and line that set it, and what it overrides.

    For a section all its keys are listed. Raises ConfigurationError for an unknown host or key.
    """
    if host not in inventory.hosts:
        raise ConfigurationError(
            f"there is no host `{printable(host)}`{did_you_mean(nearest_name(host, inventory.hosts))}",
            where="--host",
            next_step=f"hosts: {', '.join(inventory.hosts)}",
        )
    kind = kind_of(key)
    if kind is None:
        raise ConfigurationError(
            f"unknown key `{printable(key)}`{did_you_mean(nearest_key(key))}",
            where="--explain",
            next_step="docs/reference/variables.md lists every key",
        )
    found = inventory.hosts[host]
    if kind not in {Kind.SECTION, Kind.SECTIONS, Kind.MAPPING}:
        return _explain_value(found, key)
    below = sorted(name for name in found.origins if name.startswith(f"{key}."))
    return "\n".join(_explain_value(found, name) for name in below) or _explain_value(found, key)


def _explain_value(host: Host, key: str) -> str:
    """Return the lines about one leaf."""
    settings = [layer[key] for layer in host.layers if key in layer]
    value = _value_at(host, key)
    if not settings:
        return f"{key} = {_shown(value)}\n  not set; this is what it is without a setting"
    last, *overridden = reversed(settings)
    lines = [f"{key} = {_shown(value)}", f"  set in {_place(last)}"]
    lines += [f"  over   {_place(leaf)}: {_shown(leaf.value)}" for leaf in overridden]
    return "\n".join(lines)


def _value_at(host: Host, key: str) -> Any:
    """Return the value of the dotted `key`; None for a free key of a mapping that is not there."""
    value: Any = host.variables.model_dump()
    for step in path_of(key):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _place(leaf: Leaf) -> str:
    """Return file, line and layer of `leaf`."""
    origin = leaf.origin
    return f"{origin} ({origin.layer})" if origin.line else str(origin)


def _shown(value: Any) -> str:
    """Return `value` as it could be written in YAML."""
    return json.dumps(value, ensure_ascii=False)
