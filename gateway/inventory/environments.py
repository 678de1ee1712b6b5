"""The folders of environments, and the files in one that hold variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.inventory.layers import Layer, file_layer
from gateway.wording import did_you_mean, nearest_name, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

INVENTORY = Path("inventory")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")  # becomes part of the Compose project's name
_SUFFIXES = {".yml", ".yaml"}


def known_environments(root: Path) -> tuple[str, ...]:
    """Return the names of the environments below `root`, sorted."""
    return tuple(sorted(file.parent.name for file in (root / INVENTORY).glob("*/hosts.yml")))


def environment_folder(root: Path, environment: str) -> Path:
    """Return the folder of `environment`, relative to `root`.

    Raises ConfigurationError, naming the known ones, if there is no such environment, and if its
    hosts.yml is missing.
    """
    folder = INVENTORY / environment
    if not _NAME.fullmatch(environment) or not (root / folder).is_dir():
        known = known_environments(root)
        raise ConfigurationError(
            f"unknown environment `{printable(environment)}`{did_you_mean(nearest_name(environment, known))}",
            where=str(INVENTORY),
            next_step=f"use one of {', '.join(known)}" if known else "make inventory/<environment>/hosts.yml",
        )
    if not (root / folder / "hosts.yml").is_file():
        raise ConfigurationError(
            "hosts.yml is missing",
            where=str(folder),
            next_step=f"make {folder}/hosts.yml; inventory/staging/hosts.yml is an example",
        )
    return folder


def variable_layers(root: Path, folder: Path, kind: str, names: Iterable[str]) -> dict[str, list[Layer]]:
    """Return the layers in the `kind` folder (group_vars or host_vars), by the group or host they are for.

    `names` are the groups or hosts that exist; `folder` is the environment's, relative to `root`.
    A name has a file `<name>.yml`, or a folder of such files, laid over each other by name. Raises
    ConfigurationError for a file that belongs to no name.
    """
    base = root / folder / kind
    known = set(names)
    layers: dict[str, list[Layer]] = {}
    if not base.is_dir():
        return layers
    for path in sorted(base.iterdir(), key=lambda item: (item.is_dir(), item.name)):
        name = path.name if path.is_dir() else path.stem
        shown = str(path.relative_to(root))
        if _is_ignored(path, known, shown):
            continue
        if name not in known:
            what = "group" if kind == "group_vars" else "host"
            raise ConfigurationError(
                f"there is no {what} `{name}`{did_you_mean(nearest_name(name, known))}",
                where=shown,
                next_step=f"rename or remove the file, or add the {what} to {folder}/hosts.yml",
            )
        inner = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES) if path.is_dir() else [path]
        for file in inner:
            layers.setdefault(name, []).append(file_layer(root, file, _layer_name(kind, name)))
    return layers


def _layer_name(kind: str, name: str) -> str:
    """Return what the layer of a file for `name` is called."""
    if kind == "host_vars":
        return "host_vars"
    return "group_vars/all" if name == "all" else f"group {name}"


def _is_ignored(path: Path, known: set[str], shown: str) -> bool:
    """Tell whether `path` is none of ours: hidden, an editor's backup, a note.

    Raises ConfigurationError for a file that looks meant but would not be read.
    """
    if path.name.startswith(".") or path.name.endswith("~"):
        return True
    if path.is_dir() or path.suffix in _SUFFIXES:
        return False
    name = path.stem if path.suffix == ".json" else path.name
    if name in known:
        raise ConfigurationError(
            "the file is not read: its name must end in .yml",
            where=shown,
            next_step=f"write it as YAML and name it {name}.yml",
        )
    return True
