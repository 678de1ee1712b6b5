"""What the agent keeps on the host's disk: releases, the `current` link, journal and history.

Everything under `state/` and every release is private to root. A file counts as written when it
and its folder are flushed; the switch is one rename of a symbolic link.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .failure import StepFailed

_SWITCHING = ("switching", "switched", "undone", "doubt", "retiring", "retired")  # the journal knows others, too
_SEAL = "manifest.sha256"
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class Store:
    """The folder of one environment on this host: `<directory>/<environment>`."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.releases = self.root / "releases"
        self.state = self.root / "state"
        self.current_link = self.root / "current"

    def create(self) -> None:
        """Make the missing folders; all but the private ones stay readable, their names are no secret."""
        for folder in (*reversed(self.root.parents), self.root):
            if not folder.exists():
                folder.mkdir(mode=0o755, exist_ok=True)  # another environment may make it just now
                folder.chmod(0o755)
        for folder in (self.releases, self.state):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)

    def current(self) -> str | None:
        """Return the id of the release that `current` points to."""
        try:
            return self.current_link.readlink().name
        except OSError:
            return None

    def unfinished(self) -> dict[str, Any] | None:
        """Return the journal's line of the last switch or retirement if no line says how it ended."""
        entries = [entry for entry in self.lines("journal") if entry["step"] in _SWITCHING]
        return entries[-1] if entries and entries[-1]["step"] in ("switching", "retiring") else None

    def settled(self) -> str | None:
        """Return the release to go back to: the current one, or where a switch was cut off the one before it.

        None when there is none, and when a retirement was cut off.
        """
        cut_off = self.unfinished()
        if cut_off is None:
            return self.current()
        release: str | None = cut_off["previous"] if cut_off["step"] == "switching" else cut_off["release"]
        return release

    def point_to(self, release: str | None) -> None:
        """Make `current` point to a release, atomically; None removes it."""
        if release is None:
            self.current_link.unlink(missing_ok=True)
        else:
            fresh = self.root / ".current.new"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(Path("releases") / release)
            fresh.replace(self.current_link)
        flush_folder(self.root)

    def release_ids(self) -> list[str]:
        """Return the ids of the complete releases, oldest first by their number."""
        if not self.releases.is_dir():
            return []
        found = [entry.name for entry in self.releases.iterdir() if not entry.name.startswith(".")]
        return sorted(found, key=lambda release: (release_number(release), release))

    def manifest(self, release: str) -> dict[str, Any]:
        """Return a release's manifest; StepFailed when it is not there or not whole."""
        try:
            loaded: dict[str, Any] = json.loads((self.releases / release / "manifest.json").read_bytes())
        except (OSError, ValueError) as error:
            raise StepFailed("release", f"release {release} is not complete on this host: {error}") from error
        return loaded

    def seal(self, release: str) -> None:
        """Keep the checksum of a release's manifest beside it, as it arrived."""
        folder = self.releases / release
        with (folder / _SEAL).open("x") as file:
            file.write(hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest())
            file.flush()
            os.fsync(file.fileno())

    def check(self, release: str) -> list[str]:
        """Return the names of the files of a release whose content is not what its manifest says, or was sealed as."""
        folder = self.releases / release
        wrong = []
        manifest = self.manifest(release)
        if (folder / _SEAL).exists():  # releases of older versions have none
            found = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
            if found != (folder / _SEAL).read_text():
                return ["manifest.json"]
        for name, entry in manifest["files"].items():
            try:
                content = (folder / name).read_bytes()
            except OSError:
                content = b""
            if hashlib.sha256(content).hexdigest() != entry["sha256"]:
                wrong.append(name)
        return wrong

    def append(self, name: str, **entry: Any) -> None:
        """Append one line to `state/<name>.jsonl` and flush it; the line gets the host's time."""
        entry = {"time": round(time.time(), 3), **entry}
        path = self.state / f"{name}.jsonl"
        is_new = not path.exists()
        with path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a line torn by a crash must not swallow this one
                    file.write(b"\n")
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            flush_folder(self.state)

    def lines(self, name: str, last: int = 200) -> list[dict[str, Any]]:
        """Return the last entries of `state/<name>.jsonl`; a line torn by a crash is left out."""
        try:
            raw = (self.state / f"{name}.jsonl").read_bytes().splitlines()
        except OSError:
            return []
        entries = []
        for line in raw:
            try:
                entries.append(json.loads(line))
            except ValueError:
                continue
        return entries[-last:]

    def settings(self, release: str) -> dict[str, str]:
        """Return what a release's `.env` sets, secrets too, read back with Compose's quoting."""
        return read_env((self.releases / release / ".env").read_text(encoding="utf-8"))

    def environment(self, release: str) -> dict[str, str]:
        """Return the secret values of a release by name."""
        secret = self.manifest(release)["secret_keys"]
        return {name: value for name, value in self.settings(release).items() if name in secret}


def read_env(text: str) -> dict[str, str]:
    """Return the values of a `.env` as the renderer writes it: one line each, double quotes, backslash escapes."""
    values = {}
    for line in text.split("\n"):
        name, _, value = line.partition("=")
        words = name.split()  # an edit by hand may have put `export` before it, or spaces around it
        if words and "=" in line and not words[0].startswith("#"):
            if len(value) > 1 and value[0] == value[-1] == '"':
                value = _ESCAPE.sub(lambda match: _ESCAPED.get(match.group(1), match.group(1)), value[1:-1])
            values[words[-1]] = value
    return values


def marks(values: Mapping[str, str], key: bytes) -> dict[str, str]:
    """Return eight hex digits for each value, that mean nothing without `key` (gateway.secret.Secret.fingerprint)."""
    return {name: hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:8] for name, value in values.items()}


def release_number(release: str) -> int:
    """Return the counter of a release id (`12-3fa9c1d2e4b5` gives 12); unreadable ids sort first."""
    number = release.partition("-")[0]
    return int(number) if number.isdigit() else -1


def write_private(target: Path, content: bytes) -> None:
    """Put a file for root alone in its place by one rename; it is on the disk before it gets its name."""
    fresh = target.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(0o600)
    fresh.replace(target)
    flush_folder(target.parent)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
