"""Made-up hosts: a conversation whose agent is this machine's shell, a snapshot, and what a look at it sees."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.agent import commands
from gateway.verify.onhost.containers import value_hash

IMAGE = "caddy:2@sha256:" + "a" * 64
SECRET = "only-the-vault-knows-this"
OVERRIDE = """
services:
  egress:
    image: {image}
    restart: unless-stopped
    mem_limit: 64m
    cpus: 0.5
    logging: {{driver: json-file, options: {{max-size: 1m, max-file: "2"}}}}
    environment: !override
      PASSWORD: "a ${{PASSWORD}} in it"
      COSTS: "5$$"
    ports: !reset []
    volumes: ["state:/data", "{folder}/current/egress/Caddyfile:/etc/caddy/Caddyfile:ro"]
volumes:
  state: {{name: helicone-test-state}}
"""


@dataclass
class FakeConversation:
    """Answers `snapshot` with what it was given and `run` with this machine's shell.

    The look at the containers is answered with `sight`; root owns every file.
    """

    snapshot: dict[str, Any] = field(default_factory=dict)
    sight: Mapping[str, Any] = field(default_factory=dict)
    verbs: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def request(self, verb: str, **arguments: Any) -> Any:
        """Answer like the agent."""
        self.verbs.append(verb)
        if verb == "snapshot":
            return self.snapshot
        if verb == "run_all":
            self.commands += arguments["commands"]
            return {"results": [self.answer(command) for command in arguments["commands"]]}
        assert verb == "run"
        self.commands.append(arguments["command"])
        return self.answer(arguments["command"])

    def answer(self, command: str) -> dict[str, Any]:
        """Return what the agent answers to a command."""
        if "helicone-verify" in command:
            return {"code": 0, "stdout": json.dumps(self.sight), "stderr": ""}
        if command.startswith("stat -Lc %u"):
            return {"code": 0, "stdout": "0\n", "stderr": ""}
        return commands.run_all([command])[0]


def container(**changes: Any) -> dict[str, Any]:
    """Return the description of a container `egress` that is as the release says."""
    return {
        "service": "egress", "name": "helicone-test-egress-1", "long_id": "e" * 64, "image": IMAGE, "state": "running",
        "exit_code": 0, "health": "healthy", "started": "2020-01-01T00:00:00.123456789Z", "restarts": 0,
        "hash": "h" * 64,
        "ports": [], "restart": "unless-stopped", "memory": 64 << 20, "cpus": 0.5,
        "logging": {"driver": "json-file", "max-size": "1m", "max-file": "2"},
        "security": ["no-new-privileges:true"], "privileged": False, "network_mode": "helicone-test_default",
        "networks": ["helicone-test_default"], "defaults": [],
        "environment": {
            name: value_hash(value)
            for name, value in {"PASSWORD": f"a {SECRET} in it", "COSTS": "5$", "PLAIN": "text"}.items()
        },
        "mounts": [
            {"destination": "/data", "name": "helicone-test-state", "sha256": ""},
            {"destination": "/etc/caddy/Caddyfile", "name": "", "sha256": hashlib.sha256(b":80\n").hexdigest()},
        ],
        **changes,
    }  # fmt: skip


def sight(*containers: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return what `onhost.program` prints for a host with these containers; every question gets no answer."""
    answers = [{"problem": "nobody is there"}] * 50
    return {"problem": "", "containers": containers, "others": [], "listeners": [], "answers": answers, **changes}


def write_release(folder: Path, release: Path, files: Mapping[str, str]) -> None:
    """Put a release and the private folders on disk as the agent does."""
    for path, text in files.items():
        (release / path).parent.mkdir(parents=True, exist_ok=True)
        (release / path).write_text(text)
        (release / path).chmod(0o600 if path in (".env", "manifest.json") else 0o644)
    (folder / "state").mkdir()
    for private in ("state", "releases"):
        (folder / private).chmod(0o700)
    folder.chmod(0o755)
    (folder / "current").symlink_to(Path("releases") / release.name)


def snapshot(files: Mapping[str, str] | None, manifest: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an agent's snapshot of a host with this release, or with none."""
    facts = {
        "python": "3.11.2", "engine": "20.10.24", "compose": "5.0.0", "time": time.time(), "memory": 8 << 30,
        "memory_available": 4 << 30, "disk_free": {"releases": 9 << 30, "images": 9 << 30},
    }  # fmt: skip
    current = "3-abc" if manifest else None
    return {
        "facts": facts,
        "current": current,
        "manifest": manifest,
        "contents": dict(files or {}),
        "interrupted": None,
        "backups": {"log": None, "schedule": "", "restore_cut_off": False, "standing_still": None, "upgrade": None},
        "guard": {"files": {}, "pending": False},
        "edge": {"authority": "", "keys_age": None, "recorder": None},
    }
