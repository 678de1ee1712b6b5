"""What hardens a host beside its firewall: a file for sshd, and one for automatic updates."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from . import programs
from .failure import StepFailed

SSHD_FOLDER = Path("/etc/ssh/sshd_config.d")
SSHD_PROCESS = Path("/run/sshd.pid")
UPDATES_FOLDER = Path("/etc/apt/apt.conf.d")
_TOOLS = "/usr/sbin:/sbin:/usr/bin:/bin"
_SAME = {"without-password": "prohibit-password"}  # sshd -T shows the old name of PermitRootLogin's value


class Sshd:
    """The file that hardens sshd, before all others in its folder: the first value counts."""

    @staticmethod
    def put(project: str, text: str | None) -> None:
        """Write or remove the file and let sshd read it, but only once `sshd -t` accepts it. Raises StepFailed.

        Connections that are open stay.
        """
        file = _sshd_file(project)
        before = _read(file)
        if before == text:
            return
        _write(file, text)
        done = _ask_sshd("-t")
        if done.returncode == 0 and text is not None and not _effective(text):
            lines = ["sshd -T does not show what the file says; does sshd_config include sshd_config.d/*.conf first?"]
        else:
            lines = done.stderr.decode(errors="replace").splitlines() if done.returncode else []
        if lines:
            _write(file, before)
            raise StepFailed("sshd", f"sshd would not run hardened: {lines[0]}", logs=lines)
        _reload()

    @staticmethod
    def in_force(project: str, text: str | None) -> bool:
        """Tell whether the file says `text`, and sshd's configuration is what it says."""
        return _read(_sshd_file(project)) == text and (text is None or _effective(text))


class Updates:
    """The file that makes unattended-upgrades install security updates."""

    @staticmethod
    def put(project: str, text: str | None) -> None:
        """Write or remove the file; apt reads it by itself. Raises OSError."""
        _write(_updates_file(project), text)

    @staticmethod
    def in_force(project: str, text: str | None) -> bool:
        """Tell whether the file says `text`."""
        return _read(_updates_file(project)) == text


def updates_installed() -> bool:
    """Tell whether unattended-upgrades is here."""
    return programs.find("unattended-upgrade", _TOOLS) is not None


def _sshd_file(project: str) -> Path:
    return SSHD_FOLDER / f"00-{project}.conf"


def _updates_file(project: str) -> Path:
    return UPDATES_FOLDER / f"60{project}"


def _effective(text: str) -> bool:
    """Tell whether sshd's whole configuration, its other files included, has the values in `text`."""
    shown = _ask_sshd("-T").stdout.decode(errors="replace").splitlines()
    found = dict(line.lower().split(" ", 1) for line in shown if " " in line)
    wanted = dict(line.lower().split(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return all(_SAME.get(found.get(key, ""), found.get(key)) == value for key, value in wanted.items())


def _ask_sshd(option: str) -> subprocess.CompletedProcess[bytes]:
    command = programs.find("sshd", _TOOLS) or "sshd"
    try:
        return subprocess.run([command, option], capture_output=True, check=False)
    except OSError as error:
        raise StepFailed("sshd", f"sshd cannot be run: {error}") from error


def _reload() -> None:
    """Let sshd read its configuration again. Raises StepFailed when it cannot be told."""
    if Path("/run/systemd/system").is_dir():
        for unit in ("ssh.service", "sshd.service"):  # Debian's name and everybody else's
            subprocess.run(["systemctl", "try-reload-or-restart", unit], capture_output=True, check=False)
        return
    try:
        os.kill(int(SSHD_PROCESS.read_text()), signal.SIGHUP)
    except (OSError, ValueError) as error:
        raise StepFailed("sshd", f"sshd cannot be told to read its configuration again: {error}") from error


def _read(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:
        return None


def _write(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(mode=0o755, exist_ok=True)
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.replace(file)
