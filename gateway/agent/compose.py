"""Docker Compose on this host: always the same project, files and environment."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import engine, programs
from .failure import StepFailed
from .redaction import hide
from .store import Store

FILES = ("compose.upstream.yml", "compose.override.yml", "compose.labels.yml")
KNOWN = "compose-version.json"  # below the environment's state
# Where Docker's client looks for plugins: github.com/docker/cli, cli-plugins/manager.
PLUGINS = ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
DOWN_SECONDS = 30  # nobody waits for what an environment that goes away is still answering
Redact = Callable[[str], str]


def version(store: Store) -> str | None:
    """Return the version of the Compose plugin, or None where there is none.

    Asking costs a host more than all the rest of a snapshot, so the answer is kept for as long as none of the files
    that give it is another one.
    """
    file, found = store.state / KNOWN, _programs()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(file.read_bytes())
        if kept["programs"] == found:
            return str(kept["version"])
    answer = _asked()
    if answer and store.state.is_dir():
        with contextlib.suppress(OSError):  # a full disk: it is asked again
            fresh = file.with_name(f".{KNOWN}.{os.getpid()}")
            fresh.write_text(json.dumps({"programs": found, "version": answer}))
            fresh.replace(file)
    return answer


def _asked() -> str | None:
    try:
        done = subprocess.run(["docker", "compose", "version", "--short"], capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout.decode().strip().lstrip("v") or None if done.returncode == 0 else None


def _programs() -> list[list[Any]]:
    """Return what tells Docker's client and every plugin that it may take for Compose from one put in its place."""
    home = Path(os.environ.get("HOME", "/root"), ".docker")  # Docker's client looks there first
    plugins = [home / "cli-plugins", *(Path(folder, "docker/cli-plugins") for folder in PLUGINS)]
    found = []
    for path in (programs.find("docker"), home / "config.json", *(folder / "docker-compose" for folder in plugins)):
        with contextlib.suppress(OSError, TypeError):
            status = os.stat(path)  # type: ignore[arg-type]  # noqa: PTH116 - None where there is no client
            found.append([str(path), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns])
    return found


def redaction(store: Store, release: str) -> Redact:
    """Return a function that hides a release's secret values in a text."""
    values = list(store.environment(release).values())
    return lambda text: hide(text, values)


def command(store: Store, project: str, *arguments: str) -> list[str]:
    """Return the argument list of a Compose call on the current release."""
    files = [part for name in FILES for part in ("--file", str(store.current_link / name))]
    return [
        "docker", "compose", "--project-name", project, "--project-directory", str(store.current_link),
        "--env-file", str(store.current_link / ".env"), *files, "--progress", "plain", *arguments,
    ]  # fmt: skip


def run(arguments: Sequence[str], step: str, redact: Redact, on_line: Callable[[str], None]) -> None:
    """Run a command to its end, passing its lines on; StepFailed with its last lines when it fails."""
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    last: list[str] = []
    assert process.stdout is not None  # noqa: S101 - stdout=PIPE gives one; narrows the type
    for raw in process.stdout:
        line = redact(raw.decode(errors="replace").rstrip())
        last = [*last[-19:], line]
        on_line(line)
    if process.wait():
        raise StepFailed(step, f"{step} ended with code {process.returncode}", logs=last)


def up(store: Store, project: str, services: Sequence[str], redact: Redact) -> None:
    """Create or recreate the services whose definition changed and start those that stand still."""
    if services:
        arguments = ["up", "--detach", "--no-deps", "--no-build", "--pull", "never", *services]
        run(command(store, project, *arguments), f"start {', '.join(services)}", redact, lambda _: None)


def start(container: str) -> None:
    """Start a container that stands still; whether it runs then is for its health to tell."""
    subprocess.run(["docker", "start", container], capture_output=True, check=False)


def down(store: Store, project: str) -> None:
    """Remove the project's containers and networks; the named volumes, and with them the data, stay."""
    arguments = ["down", "--remove-orphans", "--timeout", str(DOWN_SECONDS)]
    subprocess.run(command(store, project, *arguments), capture_output=True, check=False)


def free_ports(project: str, services: Sequence[dict[str, Any]]) -> None:
    """Remove the containers that publish a port which the release gives to another service."""
    wanted = {(address, port): s["name"] for s in services for address, port, _ in s["ports"]}
    in_the_way = [
        container["Id"]
        for container in engine.all_containers(project)
        for binding in engine.summary(container)["ports"]
        if wanted.get((binding["address"], binding["port"]), engine.service_of(container))
        != engine.service_of(container)
    ]
    engine.remove(dict.fromkeys(in_the_way))


def remove(project: str, services: Sequence[str]) -> None:
    """Remove the containers of services that only a fresh start can heal, and those that live in their networks."""
    if not services:
        return
    everyone = engine.all_containers(project)
    gone = [one["Id"] for one in everyone if engine.service_of(one) in services]
    guests = [one["Id"] for one in everyone if one["HostConfig"]["NetworkMode"].partition(":")[2] in gone]
    engine.remove(dict.fromkeys([*gone, *guests]))
