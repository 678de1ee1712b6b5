"""What Compose makes of Helicone's file and the override: the definitions that will run, and their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gateway.compose_program import compose_program
from gateway.errors import ConfigurationError
from gateway.secret import REDACTED

INPUTS = ("compose.upstream.yml", "compose.override.yml", ".env")
_TIMEOUT = 60  # seconds; Compose takes a tenth of one
_NEXT_STEP = "look at what upstream.ref changed in Helicone's file, and at what was changed in templates/"


def merged_definition(
    project: str, directory: str, files: Mapping[str, bytes], secrets: Iterable[str] = (), where: str = ""
) -> Mapping[str, Any]:
    """Return the enabled services, networks and volumes of `files` as Compose merges them.

    `files` holds `compose.upstream.yml`, `compose.override.yml` and `.env`; `directory` is the
    release's path on the host, for relative paths. `.env` holds secrets: Compose reads it from
    memory, and the result must stay there. Compose's own escape `$$` is resolved. Raises
    ConfigurationError at `where` with Compose's words, `secrets` cut out, if the files do not merge.
    """
    if not hasattr(os, "memfd_create"):
        raise ConfigurationError(
            "rendering needs Linux: secrets are handed to Compose in memory", where="this machine",
            next_step="type the command on a Linux machine, which may be one of the servers",
        )  # fmt: skip
    descriptor = os.memfd_create("env")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as memory:
            memory.write(files[".env"])
        with tempfile.TemporaryDirectory(prefix="helicone-render-") as folder:
            arguments = [str(compose_program()), "-p", project, "--project-directory", directory]
            # Compose opens the file several times, so a pipe would be empty at the second.
            arguments += ["--env-file", f"/proc/self/fd/{descriptor}"]
            for name in INPUTS[:2]:
                (Path(folder) / name).write_bytes(files[name])
                arguments += ["-f", str(Path(folder) / name)]
            finished = subprocess.run(
                [*arguments, "config", "--format", "json"],
                capture_output=True,
                check=False,
                pass_fds=[descriptor],
                # Variables of this shell would win. Compose spends a third of its short life collecting garbage.
                env={"PATH": os.environ.get("PATH", ""), "HOME": folder, "GOGC": "off"},
                stdin=subprocess.DEVNULL,
                timeout=_TIMEOUT,
            )
            output = finished.stderr.decode(errors="replace").replace(f"{folder}/", "")
    finally:
        os.close(descriptor)
    if finished.returncode:
        raise ConfigurationError(
            f"Compose cannot merge the rendered files: {_reason(output, secrets)}", where=where, next_step=_NEXT_STEP
        )
    unset = sorted({line.split('\\"')[1] for line in output.splitlines() if "variable is not set" in line})
    if unset:
        raise ConfigurationError(
            f"the compose files use variables that .env does not set: {', '.join(unset)}",
            where=where,
            next_step=_NEXT_STEP,
        )
    merged: Mapping[str, Any] = _unescaped(json.loads(finished.stdout))
    return merged


def content_hashes(
    merged: Mapping[str, Any], mounts: Mapping[str, Iterable[str]], files: Mapping[str, bytes]
) -> dict[str, str]:
    """Return for each merged service a hash that changes when its container must be made anew.

    It covers the definition, the content of those `files` that `mounts` names for the service, the
    named volumes, and the service whose network namespace it shares: a container cannot outlive the
    namespace it was put into.
    """
    hashes: dict[str, str] = {}

    def hash_of(name: str) -> str:
        """Return the hash of one service, made once, after that of the service whose namespace it shares."""
        if name not in hashes:
            definition = merged["services"][name]
            owner = namespace_owner(definition)
            material = {
                "definition": definition,
                "files": {path: hashlib.sha256(files[path]).hexdigest() for path in mounts.get(name, ())},
                "volumes": merged.get("volumes", {}),
                "namespace": hash_of(owner) if owner else "",
            }
            hashes[name] = hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()
        return hashes[name]

    return {name: hash_of(name) for name in merged["services"]}


def namespace_owner(definition: Mapping[str, Any]) -> str:
    """Return the service whose network namespace the service of `definition` shares, or an empty text."""
    kind, _, owner = str(definition.get("network_mode", "")).partition(":")
    return owner if kind == "service" else ""


def _reason(output: str, secrets: Iterable[str]) -> str:
    """Return the last line of Compose's output without `secrets`: it may quote the values it stumbles over."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        output = output.replace(secret, REDACTED)
    lines = [line.strip() for line in output.splitlines() if line.strip() and "level=warning" not in line]
    return lines[-1][:300] if lines else "no reason given"


def _unescaped(value: Any) -> Any:
    """Return `value` with `$$`, which `config` prints for every `$`, as the container will see it."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_unescaped(one) for one in value]
    if isinstance(value, dict):
        return {key: _unescaped(one) for key, one in value.items()}
    return value
