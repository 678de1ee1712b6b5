"""Bringing an environment back whole after the host booted.

After a boot Docker starts containers side by side, and one that lives in another's network namespace
may come first: Docker then says "cannot join network of a non running container" and never tries
again. This hook does. Containers that an operator stopped are left alone.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

SYSTEMD = Path("/etc/systemd/system")
INIT_SCRIPTS = Path("/etc/init.d")

SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides:          {project}
# Required-Start:    $local_fs $network docker
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: start the containers that Docker could not start after a boot
### END INIT INFO
[ "$1" = start ] || exit 0
for second in $(seq 1 60); do
    for container in $(docker ps -aq --filter label=com.docker.compose.project={project} --filter status=exited); do
        case "$(docker inspect --format '{{{{.State.Error}}}}' "$container")" in
            *"non running container"*) docker start "$container" ;;
        esac
    done
    sleep 1
done >/dev/null 2>&1 &
"""

UNIT = """[Unit]
Description=Start the containers of {project} that Docker could not start after a boot
Requires=docker.service
After=docker.service

[Service]
Type=forking
ExecStart=/etc/init.d/{project} start

[Install]
WantedBy=multi-user.target
"""


def is_installed(project: str) -> bool:
    """Return whether the hook is there as `install` writes it."""
    try:
        return (INIT_SCRIPTS / project).read_text() == SCRIPT.format(project=project)
    except OSError:
        return False


def install(project: str) -> None:
    """Write the hook of a project and enable it, once."""
    enable(project, SCRIPT.format(project=project), UNIT.format(project=project))


def remove(project: str) -> None:
    """Take the hook away."""
    disable(project)


def enable(name: str, script: str, unit: str) -> None:
    """Let an init script run at every boot: by a systemd `unit` where that runs, by itself elsewhere; once.

    The script is as it should be only when it is enabled: who is cut off before is followed by one who begins again.
    """
    file = INIT_SCRIPTS / name
    if file.is_file() and file.read_text() == script:
        return
    INIT_SCRIPTS.mkdir(exist_ok=True)
    file.write_text(f"{script}# not enabled yet\n")
    file.chmod(0o755)
    if Path("/run/systemd/system").is_dir():
        service = SYSTEMD / f"{name}.service"
        service.write_text(unit)
        service.chmod(0o644)
        _run("systemctl", "daemon-reload")
        _run("systemctl", "enable", service.name)
    else:
        _run("update-rc.d", name, "defaults")
    fresh = file.with_name(f".{name}.new")
    fresh.write_text(script)
    fresh.chmod(0o755)
    fresh.replace(file)


def disable(name: str) -> None:
    """Take away what `enable` made."""
    if Path("/run/systemd/system").is_dir():
        _run("systemctl", "disable", f"{name}.service")
    (SYSTEMD / f"{name}.service").unlink(missing_ok=True)
    (INIT_SCRIPTS / name).unlink(missing_ok=True)
    if not Path("/run/systemd/system").is_dir():
        _run("update-rc.d", name, "remove")


def _run(*command: str) -> None:
    """Run a command of the init system; where it is missing, a boot needs `docker start` by hand."""
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return
