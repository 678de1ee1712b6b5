"""One job: so many targets, near or far, and the files that every tool has to bring there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.fleet.environment import CHANGED_FILE, STATES, Files, rendered
from bench.fleet.kinds import AGAIN, CHANGED, FIRST
from bench.fleet.layout import DIRECTORY, PORT
from bench.fleet.targets import Fleet

STATE_OF = {FIRST: "before", AGAIN: "before", CHANGED: "after"}
PLACE = f"{DIRECTORY}/current"
TEMPLATES, VARIABLE = "templates", "jawn_memory"


@dataclass(frozen=True)
class Job:
    """What a tool gets: the fleet's first targets, near or far, and folders with the files of both states."""

    fleet: Fleet
    count: int
    far: bool
    folder: Path
    wanted: Mapping[str, Mapping[str, Files]]

    def hosts(self) -> list[dict[str, object]]:
        """Return the hosts by name, address and port."""
        return [
            {"name": one.name, "address": one.address(far=self.far), "port": PORT}
            for one in self.fleet.targets[: self.count]
        ]

    @property
    def paths(self) -> dict[str, int]:
        """Return the files of a host, in order, and their modes; all hosts have the same ones."""
        files = next(iter(self.wanted["before"].values()))
        return {path: files[path][1] for path in sorted(files)}

    @property
    def known_hosts(self) -> Path:
        """Return the file that pins every target's key, as all but this project are given it."""
        return self.folder / "known_hosts"

    def described(self, state: str) -> Path:
        """Write the job as a file for programs of the benchmark's own, and return it."""
        file = self.folder / f"{state}.json"
        file.write_text(json.dumps({
            "hosts": self.hosts(), "identity": str(self.fleet.identity), "known_hosts": str(self.known_hosts),
            "directory": PLACE, "files": str(self.folder / state),
        }))  # fmt: skip
        return file

    def differences(self, state: str) -> list[str]:
        """Return what on the targets is not as the state wants it: content or mode of each file."""
        wrong = []
        for target in self.fleet.targets[: self.count]:
            current = target.place(PLACE)
            for path, (content, mode) in self.wanted[state][target.name].items():
                file = current / path
                try:
                    same = file.read_bytes() == content and file.stat().st_mode & 0o7777 == mode
                except OSError:
                    same = False
                wrong += [] if same else [f"{target.name}:{path}"]
        return wrong


def prepare(fleet: Fleet, count: int, *, far: bool, folder: Path) -> Job:
    """Write what every tool needs for a job below a folder, and return the job. The inventory must be written."""
    folder.mkdir(parents=True)
    job = Job(fleet, count, far, folder, {state: rendered(state) for state in STATES})
    job.known_hosts.write_text(fleet.known_hosts())
    for state, hosts in job.wanted.items():
        for name, files in hosts.items():
            for path, (content, mode) in files.items():
                _write(folder / state / name / path, content, mode)
    for name in job.wanted["before"]:
        before, after = (job.wanted[state][name][CHANGED_FILE][0].decode() for state in STATES)
        _write(folder / TEMPLATES / name / CHANGED_FILE, template(before, after).encode(), 0o644)
    return job


def template(before: str, after: str) -> str:
    """Return the file as a template of one variable: the lines that differ have it where the two values stand."""
    old, new = STATES.values()
    lines = []
    for line, other in zip(before.splitlines(keepends=True), after.splitlines(keepends=True), strict=True):
        marked = line if line == other else line.replace(old, f"{{{{ {VARIABLE} }}}}")
        if line != other and marked.replace(f"{{{{ {VARIABLE} }}}}", new) != other:
            raise ValueError(f"more than the variable differs: {line!r}, {other!r}")
        lines.append(marked)
    return "".join(lines)


def _write(file: Path, content: bytes, mode: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)
