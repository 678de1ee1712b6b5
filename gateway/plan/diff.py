"""What changes in a host's files, as an operator reads it: unified, secrets masked."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from gateway.agent.redaction import hide
from gateway.agent.store import read_env
from gateway.secret import Secret

DERIVED = frozenset({"compose.labels.yml"})  # hashes of everything else: a diff would say all of it twice


def file_diff(name: str, old: str | None, new: str, secrets: Collection[str], key: bytes) -> str:
    """Return the unified diff of one file of a release, empty when nothing visible differs.

    `old` is None for a new file. In `.env`, the values of the names in `secrets` are shown as a hash
    keyed with `key`: it tells that a secret changed, and nothing else about it. A secret that somebody
    copied to another place of the file is hidden there, too.
    """
    if name in DERIVED:
        return ""
    if name == ".env":
        values = [value for text in (old or "", new) for found, value in read_env(text).items() if found in secrets]
        old = None if old is None else hide(masked(old, secrets, key), values)
        new = hide(masked(new, secrets, key), values)
    lines = difflib.unified_diff(
        [] if old is None else old.splitlines(), new.splitlines(),
        "/dev/null" if old is None else name, name, lineterm="", n=1,
    )  # fmt: skip
    return "\n".join(lines)


def masked(text: str, secrets: Collection[str], key: bytes) -> str:
    """Return a `.env` as one line per variable, secret values replaced by their fingerprint."""
    lines = []
    for name, value in read_env(text).items():
        shown = f"[secret {Secret(value).fingerprint(key)}]" if name in secrets else value.replace("\n", "\\n")
        lines.append(f"{name}={shown}")
    return "\n".join(lines)
