"""Image references and the lock file that gives each its digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.document import mapping_of, read_document
from gateway.errors import ConfigurationError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE = re.compile(
    r"([a-z0-9][A-Za-z0-9.-]*(:[0-9]+)?/)?[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?"
)


def load_lock(path: Path) -> Mapping[str, str]:
    """Return the digests in the lock file `path`, by `name:tag`; a file that is not there is an empty lock.

    Raises ConfigurationError with file and line for an entry that is not `name:tag: sha256:<64 hex digits>`.
    """
    shown = str(path)
    if not path.is_file():
        return {}
    lock = {}
    for reference, entry in mapping_of(read_document(path, shown), shown, "a lock of images").items():
        where = f"{shown}:{entry.line}"
        match = _REFERENCE.fullmatch(reference)
        if match is None or not match["tag"]:
            raise ConfigurationError(
                f"`{reference}` is not an image as name:tag",
                where=where,
                next_step="run invoke images.lock again",
            )
        if not isinstance(entry.value, str) or not _DIGEST.fullmatch(entry.value):
            raise ConfigurationError(
                f"the digest of {reference} is not sha256: and 64 hexadecimal digits",
                where=where,
                next_step="run invoke images.lock again",
            )
        lock[reference] = entry.value
    return lock


def pin(reference: str, lock: Mapping[str, str], *, key: str = "", environment: str = "") -> str:
    """Return `reference` with a digest: its own, or the one in `lock`.

    `key` is the inventory key that named it and `environment` whose lock it is; both are for the
    message. Raises ConfigurationError if the reference is none, or has no digest and is not locked.
    """
    named, separator, digest = reference.partition("@")
    match = _REFERENCE.fullmatch(named)
    if match is None or (separator and not _DIGEST.fullmatch(digest)):
        raise ConfigurationError(
            f"`{reference}` is not an image reference",
            where=key,
            next_step="write it as name:tag or name:tag@sha256:<64 hexadecimal digits>",
        )
    if separator:
        return reference
    if not match["tag"]:
        raise ConfigurationError(
            f"the image {reference} has neither a tag nor a digest",
            where=key,
            next_step="write it as name:tag",
        )
    if reference not in lock:
        raise ConfigurationError(
            f"the image {reference} has no digest",
            where=key,
            next_step=f"invoke images.lock --env {environment or 'E'}",
        )
    return f"{reference}@{lock[reference]}"
