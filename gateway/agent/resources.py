"""Envoy's files of resources: a text that begins with its version, then one block for each resource."""

from __future__ import annotations

import re

_VERSION = re.compile(rb'^version_info: "(.*)"$', re.MULTILINE)
_BLOCK = re.compile(rb'^(?=  - "@type")', re.MULTILINE)
_NAME = re.compile(rb"^    name: .*$", re.MULTILINE)


def joined(after: bytes, before: bytes) -> bytes:
    """Return the file `after` with the resources at its end that only `before` has, under a version of its own.

    While routes still lead to what goes, and already to what comes, Envoy needs both. Returns `after` itself
    when there is nothing to add.
    """
    kept = {_name(block) for block in _blocks(after)}
    gone = [block for block in _blocks(before) if _name(block) not in kept]
    if not gone:
        return after
    return _VERSION.sub(rb'version_info: "\1 and before"', after.rstrip(b"\n") + b"\n" + b"".join(gone), count=1)


def _blocks(text: bytes) -> list[bytes]:
    return [block.rstrip(b"\n") + b"\n" for block in _BLOCK.split(text)[1:]]


def _name(block: bytes) -> bytes:
    found = _NAME.search(block)
    return found[0] if found else b""
