"""Scheduled backups on this host: a copy of the agent, and a timer of systemd, or a line for cron without it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from . import programs
from .failure import StepFailed
from .later import later
from .store import Store

if TYPE_CHECKING:
    from . import backup_settings
else:
    (backup_settings,) = later("backup_settings")

SYSTEMD = Path("/etc/systemd/system")
CRON = Path("/etc/cron.d")
RUNNING_SYSTEMD = Path("/run/systemd/system")

SCRIPT = """#!/bin/sh
# One scheduled backup of {project}, and a drill when one is due. What came of it: `invoke status`.
exec python3 -B -c 'import sys; sys.path.insert(0, "{agent}"); from agent.scheduled import main; main("{root}")'
"""
SERVICE = """[Unit]
Description=Backup of {project}
After=docker.service
Requires=docker.service

[Service]
Type=oneshot
ExecStart={script}
Nice=10
"""
TIMER = """[Unit]
Description=Daily backup of {project}

[Timer]
OnCalendar=*-*-* {hour}:{minute}:00
Persistent=true

[Install]
WantedBy=timers.target
"""
LINE = """# Daily backup of {project}
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
{minute} {hour} * * * root {script} >/dev/null 2>&1
"""


def renew(store: Store, project: str, emit: Callable[..., None]) -> None:
    """Do what `install` does; a host that does not let it is told of, and is well without it."""
    try:
        install(store, project)
    except (OSError, StepFailed) as error:
        emit(event="step", text=f"scheduled backups could not be set up: {error}")


def install(store: Store, project: str) -> None:
    """Make the schedule what the current release says: write it, write it anew, or take it away."""
    try:
        settings = backup_settings.load(store)
    except StepFailed:
        remove(project)
        return
    if not settings.schedule:
        remove(project)
        return
    folder = store.state / "backup"
    folder.mkdir(mode=0o700, exist_ok=True)
    agent = _copy_of_this_program(folder)
    script = folder / "run"
    script.write_text(SCRIPT.format(project=project, agent=agent, root=store.root))
    script.chmod(0o700)
    hour, _, minute = settings.schedule.partition(":")
    words = {"project": project, "script": script, "hour": hour, "minute": minute}
    if RUNNING_SYSTEMD.is_dir():
        changed = _write(SYSTEMD / f"{project}-backup.service", SERVICE.format(**words))
        changed = _write(SYSTEMD / f"{project}-backup.timer", TIMER.format(**words)) or changed
        if changed:
            _run("systemctl", "daemon-reload")
        _run("systemctl", "enable", "--now", f"{project}-backup.timer")
    else:
        CRON.mkdir(exist_ok=True)
        _write(CRON / f"{project}-backup", LINE.format(**words))


def remove(project: str) -> None:
    """Take the schedule away; the sets stay."""
    timer = SYSTEMD / f"{project}-backup.timer"
    if timer.is_file():
        _run("systemctl", "disable", "--now", timer.name)
        timer.unlink()
        (SYSTEMD / f"{project}-backup.service").unlink(missing_ok=True)
        _run("systemctl", "daemon-reload")
    (CRON / f"{project}-backup").unlink(missing_ok=True)


def look(project: str) -> str:
    """Return what starts scheduled backups here: `systemd`, `cron` or `nothing`; empty where there is no schedule."""
    if (SYSTEMD / f"{project}-backup.timer").is_file():
        return "systemd"
    if not (CRON / f"{project}-backup").is_file():
        return ""
    return "cron" if any(programs.find(name, programs.SYSTEM) for name in ("cron", "crond")) else "nothing"


def _copy_of_this_program(folder: Path) -> Path:
    """Put the zip that this agent runs from where the schedule finds it, and return its path."""
    target, archive = folder / "agent.zip", _archive()
    if archive != target:
        fresh = target.with_suffix(".new")
        fresh.write_bytes(archive.read_bytes())
        fresh.replace(target)
    return target


def _archive() -> Path:
    """Return the zip that this program was imported from; see gateway/transport/bundle.py."""
    archive = getattr(globals()["__loader__"], "archive", None)
    if archive is None:
        raise StepFailed("schedule", "the agent does not run from its zip")
    return Path(archive)


def _write(path: Path, text: str) -> bool:
    """Write a file readable for all unless it says this already; return whether it was written."""
    if path.is_file() and path.read_text() == text:
        return False
    path.write_text(text)
    path.chmod(0o644)
    return True


def _run(*command: str) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
