"""Layers of variables: what one file says, key by key, with the file and line that say it.

Precedence is the order in which layers are laid over each other, lowest first:

    role defaults < group_vars/all < group (by depth) < host_vars < --set key=value

A layer is flat: dotted keys down to the leaves of the model. So nested mappings merge deeply,
lists and scalars replace, and the origin of every value is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.document import Entry, mapping_of, parse_document, plain, read_document
from gateway.errors import ConfigurationError
from gateway.inventory.schema import Kind, kind_of, nearest_key, path_of
from gateway.secret_names import SECRET_NAMES
from gateway.wording import did_you_mean, printable

ROLE_ORDER = ("common", "docker", "firewall", "data", "app", "edge")
SET_LAYER = "--set"
_TEMPLATE = re.compile(r"\{\{.*\}\}|\{%.*%\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: the file relative to the root, the line, and the layer's name.

    For --set the file is what was typed, without the value, and the line is 0.
    """

    file: Path
    line: int
    layer: str

    @property
    def is_default(self) -> bool:
        """Tell whether the value is a role's default, which the inventory has not touched."""
        return self.layer.startswith("role defaults ")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value and its origin."""

    value: Any
    origin: Origin


Layer = Mapping[str, Leaf]


def layer_of(entry: Entry, file: Path, name: str) -> Layer:
    """Return the layer called `name` that `entry`, read from `file`, describes.

    Raises ConfigurationError for an unknown key, and for a section that is not a mapping.
    """
    leaves: dict[str, Leaf] = {}
    for key, value in mapping_of(entry, str(file), "a set of variables").items():
        origin = Origin(file, value.line, name)
        _refuse_dots(key, origin)
        _flatten(key, value, origin, leaves)
    return leaves


def file_layer(root: Path, path: Path, name: str) -> Layer:
    """Return the layer in the YAML file `path` below `root`."""
    relative = path.relative_to(root)
    return layer_of(read_document(path, str(relative)), relative, name)


def role_defaults(root: Path) -> tuple[Layer, ...]:
    """Return the defaults of every role, in the order in which roles are set up.

    Raises ConfigurationError if a role's file is missing or says something else than known keys.
    """
    layers = []
    for role in ROLE_ORDER:
        file = Path("roles") / role / "role.yml"
        if not (root / file).is_file():
            raise ConfigurationError(
                "the file is missing", where=str(file), next_step="restore it: git checkout -- roles"
            )
        parts = mapping_of(read_document(root / file, str(file)), str(file), "a role")
        defaults = parts.get("defaults", Entry(None, 1))
        layers.append(layer_of(defaults, file, f"role defaults {role}"))
    return tuple(layers)


def set_layer(settings: Sequence[str]) -> Layer:
    """Return the layer that the `--set key=value` arguments describe; the last of a key wins.

    A value is YAML; an empty one is the empty text. Raises ConfigurationError for an argument
    without `=`, an unknown key, and a value that is not YAML.
    """
    leaves: dict[str, Leaf] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip()
        where = f"{SET_LAYER} {printable(key)}"
        if not equals or not key:
            raise ConfigurationError(
                "--set needs `key=value`", where=where.strip(), next_step="for example: --set ports.ui=3001"
            )
        try:
            value = parse_document(text, where).value if text.strip() else ""
            _flatten(key, Entry(value, 0), Origin(Path(where), 0, SET_LAYER), leaves)
        except ConfigurationError as error:
            raise ConfigurationError(error.message, where=where, next_step=error.next_step) from None
    return leaves


def merge(layers: Iterable[Layer]) -> dict[str, Leaf]:
    """Return the leaves of `layers`, each laid over those before it."""
    merged: dict[str, Leaf] = {}
    for layer in layers:
        merged.update(layer)
    return merged


def nested(leaves: Mapping[str, Leaf]) -> dict[str, Any]:
    """Return the nested mapping that the flat `leaves` stand for."""
    result: dict[str, Any] = {}
    for key, leaf in leaves.items():
        *above, last = path_of(key)
        inner = result
        for step in above:
            inner = inner.setdefault(step, {})
        if leaf.value == {}:
            inner.setdefault(last, {})  # an empty mapping takes nothing away from those below it
        else:
            inner[last] = leaf.value
    return result


def unknown_key(key: str, where: str) -> ConfigurationError:
    """Return the error for an unknown dotted `key`, with the nearest known one or where secrets go."""
    last = key.rpartition(".")[2]
    if key.replace(".", "_") in SECRET_NAMES or last in {"password", "secret", "api_key", "token"}:
        return ConfigurationError(
            f"unknown key `{printable(key)}`: secrets are not inventory variables",
            where=where,
            next_step="put secrets into secrets.yml.age: invoke secrets.edit --env ENVIRONMENT",
        )
    return ConfigurationError(
        f"unknown key `{printable(key)}`{did_you_mean(nearest_key(key))}",
        where=where,
        next_step="docs/reference/variables.md lists every key",
    )


def _flatten(key: str, entry: Entry, origin: Origin, leaves: dict[str, Leaf]) -> None:
    """Add the leaves at and below the dotted `key` to `leaves`."""
    kind = kind_of(key)
    if kind is None:
        raise unknown_key(key, str(origin))
    value = entry.value
    if kind in {Kind.SECTION, Kind.MAPPING, Kind.SECTIONS}:
        if not isinstance(value, dict):
            raise ConfigurationError(
                f"`{printable(key)}` is a section: write its keys below it, indented", where=str(origin)
            )
        for name, inner in value.items():
            below = Origin(origin.file, inner.line if origin.line else 0, origin.layer)
            if kind is not Kind.MAPPING:
                _refuse_dots(name, below)
            _flatten(f"{key}.{name}", inner, below, leaves)
        if kind is Kind.MAPPING and not value:
            leaves.setdefault(key, Leaf({}, origin))
        return
    if kind is Kind.NUMBER and isinstance(value, bool):
        raise ConfigurationError(
            f"`{key}` must be a number, not {str(value).lower()}", where=str(origin)
        )  # pydantic would take true for 1
    value = plain(value)
    if _TEMPLATE.search(value if isinstance(value, str) else repr(value)):
        raise ConfigurationError(
            f"`{printable(key)}` holds a template: values are plain data here",
            where=str(origin),
            next_step="write the value itself, in the group or host that it belongs to",
        )
    leaves[key] = Leaf(value, origin)


def _refuse_dots(name: str, origin: Origin) -> None:
    """Raise ConfigurationError for a dotted key in a file: one key could then be written twice."""
    if "." in name and origin.layer != SET_LAYER:
        raise ConfigurationError(
            f"`{printable(name)}` must be written nested, one key below the other",
            where=str(origin),
            next_step="dotted keys are for --set on the command line",
        )
