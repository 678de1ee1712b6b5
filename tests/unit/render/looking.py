"""What tests look at in a rendered host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.render import RenderedHost
from gateway.render.merge import merged_definition


def text_of(host: RenderedHost, path: str) -> str:
    return host.files[path].content.decode()


def merged_of(host: RenderedHost) -> Mapping[str, Any]:
    return merged_definition(host.project, "/opt/x/current", {path: file.content for path, file in host.files.items()})


def changed_lines(before: RenderedHost, after: RenderedHost) -> dict[str, list[str]]:
    """Return the lines that are only in `after`, by file, hashes left out."""
    changed = {}
    for path in after.files:
        old = text_of(before, path).splitlines()
        new = [line for line in text_of(after, path).splitlines() if line not in old]
        if new and path != "compose.labels.yml":
            changed[path] = new
    return changed
