"""restic, as a container that is there for one command: the host itself needs Docker alone.

A set is one snapshot. It carries the project as its host name, its own id as a tag `set-<id>`, and the
tag `proven` or `bad` once that is known. Passwords go through the environment, never through arguments.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from . import engine, stage
from .backup_settings import Settings
from .failure import StepFailed
from .redaction import hide

PASSWORD = "RESTIC_PASSWORD"  # noqa: S105 - the name of a variable
# Let ssh give up on a server that went silent after two minutes; restic does for S3's after five (its own default).
SFTP = ("-o", "sftp.args=-o ServerAliveInterval=20 -o ServerAliveCountMax=6 -o ConnectTimeout=60")
INSIDE = "/set"  # where the files of a set are for restic: the same for every set, so that they compare
_NO_REPOSITORY, _WRONG_PASSWORD = 10, 12  # exit codes since restic 0.17


class WrongPassword(StepFailed):
    """The repository is there, and the password does not open it."""


def run(settings: Settings, *arguments: str, mounts: tuple[str, ...] = (), step: str = "repository") -> bytes:
    """Run restic on the repository and return its output. Raises StepFailed with restic's own message."""
    done = _run(settings, arguments, mounts)
    if done.returncode:
        raise _failure(step, settings, done)
    return done.stdout


def open_repository(settings: Settings, create: bool) -> None:
    """See that the repository is there and that the password opens it; make it on first use if `create`.

    Also clears away locks whose owners are gone. Raises StepFailed.
    """
    stage.pull([settings.image] if not engine.has_image(settings.image) else [], lambda **_: None)
    if settings.repository.startswith("/") and create:
        try:
            Path(settings.repository).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StepFailed("repository", f"{settings.repository} cannot be made: {error.strerror}") from None
    done = _run(settings, ("unlock",))  # locks whose owners are gone; and it tells whether the password is right
    if done.returncode == _NO_REPOSITORY and create:
        run(settings, "init")
    elif done.returncode:
        raise _failure("repository", settings, done)


def is_gone(settings: Settings) -> bool:
    """Tell whether the folder of a repository holds none, as when its disk is not mounted; addresses are not asked."""
    folder = Path(settings.repository)
    if not settings.repository.startswith("/") or folder.is_file():
        return False
    return not (folder / "config").exists()  # restic's first file


def change_password(settings: Settings, fresh: str) -> None:
    """Let `fresh` open the repository in the place of the password of `settings`. Raises StepFailed."""
    words = ("key", "passwd", "--new-password-file", "/dev/stdin")
    done = _run(settings, words, entered=fresh.encode())
    if done.returncode:
        raise _failure("password", settings, done)


def save(settings: Settings, identifier: str, mounts: tuple[str, ...]) -> dict[str, Any]:
    """Store what is mounted below INSIDE as a set; return restic's summary of it. Raises StepFailed."""
    output = run(
        settings, "backup", "--json", "--host", settings.project, "--tag", f"set-{identifier}", INSIDE,
        mounts=mounts, step="save",
    )  # fmt: skip
    summary: dict[str, Any] = json.loads(output.splitlines()[-1])
    return summary


def sets(settings: Settings) -> list[dict[str, Any]]:
    """Return the sets of the repository, oldest first, each `{id, snapshot, project, time, state}`."""
    found = []
    for snapshot in json.loads(run(settings, "snapshots", "--json")) or []:
        tags = snapshot.get("tags") or []
        names = [tag[len("set-") :] for tag in tags if tag.startswith("set-")]
        if names:
            state = "bad" if "bad" in tags else "proven" if "proven" in tags else "unproven"
            found.append({
                "id": names[0], "snapshot": snapshot["id"], "project": snapshot["hostname"],
                "time": snapshot["time"], "state": state,
            })  # fmt: skip
    return sorted(found, key=lambda one: str(one["id"]))


def choose(settings: Settings, wanted: str | None) -> dict[str, Any]:
    """Return the set with an id, this project's if others have it too, or the newest proven one of this project.

    Raises StepFailed of kind `configuration` if there is none, or the one that is named is bad.
    """
    known = sets(settings)
    if wanted is None:
        found = [one for one in known if one["state"] == "proven" and one["project"] == settings.project]
        problem = "there is no proven set of this environment in the repository yet"
    else:
        named = [one for one in known if one["id"] == wanted]
        found = sorted(named, key=lambda one: one["project"] == settings.project)
        problem = (
            f"there is no set {wanted} in the repository; it has {', '.join(one['id'] for one in known) or 'none'}"
        )
    if not found:
        raise StepFailed("choose", problem, kind="configuration")
    if found[-1]["state"] == "bad":
        raise StepFailed(
            "choose", f"the set {wanted} is marked bad: it does not hold what it should", kind="configuration"
        )
    return found[-1]


def mark(settings: Settings, project: str, identifier: str, state: str) -> None:
    """Mark a project's set `proven` or `bad` in the repository, where another's may have the same id."""
    which = ("--host", project, "--tag", f"set-{identifier}")
    run(settings, "tag", *which, "--add", state, step="mark")
    if state == "bad":
        run(settings, "tag", *which, "--remove", "proven", step="mark")


def read(settings: Settings, snapshot: str, name: str) -> bytes:
    """Return one file of a set. Raises StepFailed."""
    return run(settings, "dump", snapshot, f"{INSIDE}/{name}", step="read back")


def restore(settings: Settings, snapshot: str, target: Path) -> Path:
    """Write a set's files below `target`, verified as they are written; return their folder. Raises StepFailed."""
    run(settings, "restore", snapshot, "--target", "/target", "--verify", mounts=(f"{target}:/target",), step="fetch")
    return target / INSIDE.lstrip("/")


def retain(settings: Settings, needed: str) -> list[str]:
    """Remove the sets that the policy does not keep, and return their ids; the one that is `needed` stays, if any.

    Only proven sets count for the policy, so that a bad one never takes a good one's place, and the
    newest proven one always stays. Sets that are not proven go when a newer one is.
    """
    before = [one for one in sets(settings) if one["project"] == settings.project]
    proven = [one for one in before if one["state"] == "proven"]
    if not proven:
        return []
    useless = [
        one["snapshot"] for one in before
        if one["state"] != "proven" and one["id"] < proven[-1]["id"] and one["id"] != needed
    ]  # fmt: skip
    if useless:
        run(settings, "forget", *useless, step="retention")
    keep = [part for name, count in settings.keep.items() if count for part in (f"--keep-{name}", str(count))]
    keep += ["--keep-tag", f"set-{needed}"] if needed else []
    run(settings, "forget", "--host", settings.project, "--tag", "proven", "--group-by", "host",
        *keep, "--prune", step="retention")  # fmt: skip
    kept = {one["id"] for one in sets(settings)}
    return [one["id"] for one in before if one["id"] not in kept]


def _run(
    settings: Settings, arguments: tuple[str, ...], mounts: tuple[str, ...] = (), entered: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    folder = settings.repository.startswith("/")
    volumes = [*mounts, f"{settings.project}-backup-cache:/cache"]
    if folder:
        volumes.append(f"{settings.repository}:/repository")
    if settings.repository.startswith("sftp:"):
        volumes.append("/root/.ssh:/root/.ssh:ro")  # this host's own key and known_hosts
        arguments = (*arguments, *SFTP)
    environment = {**settings.environment, "RESTIC_CACHE_DIR": "/cache", "RESTIC_PROGRESS_FPS": "0.1",
                   "RESTIC_REPOSITORY": "/repository" if folder else settings.repository}  # fmt: skip
    command = [
        "docker", "run", "--rm", "--interactive", "--network", "none" if folder else "host", "--entrypoint", "restic",
        "--memory", settings.memory, "--cpus", str(settings.cpus), "--cpu-shares", "128",
        *(part for name in environment for part in ("--env", name)),
        *(part for volume in volumes for part in ("--volume", volume)), settings.image, *arguments,
    ]  # fmt: skip
    return subprocess.run(command, input=entered, capture_output=True, check=False, env={**os.environ, **environment})


def _failure(step: str, settings: Settings, done: subprocess.CompletedProcess[bytes]) -> StepFailed:
    """Return in words why restic, or Docker in its place, ended with an error."""
    if done.returncode == _WRONG_PASSWORD:
        message = (
            f"backup_password does not open the repository {settings.repository}; a new one does after the next backup"
        )
        return WrongPassword(step, message, kind="configuration")
    if done.returncode == _NO_REPOSITORY:
        message = f"there is no repository at {settings.repository}: no backup was made yet, or not there"
        return StepFailed(step, message, kind="configuration")
    lines = [_message(line) for line in done.stderr.decode(errors="replace").splitlines()]
    text = "; ".join(line for line in lines if line)[-600:] or f"restic ended with code {done.returncode}"
    return StepFailed(step, hide(text, settings.environment.values()))


def _message(line: str) -> str:
    """Return what a line of restic's errors says; with --json they are JSON."""
    try:
        found = json.loads(line)
        return str(found.get("message") or (found.get("error") or {}).get("message") or "")
    except (ValueError, AttributeError):
        return line.strip()
