"""Modules of the agent that are imported when they are first used.

A host compiles what it imports of an agent that it was just sent, and reads it from the one that it keeps: a no-op asks
for a quarter of it.
"""

from __future__ import annotations

import sys
from importlib import import_module


class Later:
    """Stands for a module; the first question for one of its names imports it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        """Return what the module has under a name."""
        return getattr(sys.modules.get(self._name) or import_module(self._name), name)

    def __call__(self) -> None:
        """Import the module."""
        import_module(self._name)


def later(names: str) -> list[Later]:
    """Return what stands for modules of the agent, of which `names` has the names between spaces."""
    return [Later(f"{__package__}.{name}") for name in names.split()]


def load(*modules: object) -> None:
    """Import modules before a process forks that will use them: what only that one compiles, no host keeps."""
    for module in modules:
        if isinstance(module, Later):
            module()
