"""Bringing the confirmed guards back when the host boots: before the network where systemd runs."""

from __future__ import annotations

from pathlib import Path

from . import boot, hardening
from .store import Store

PENDING = "pending.json"

SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides:          {name}
# Required-Start:    $local_fs
# Required-Stop:
# X-Start-Before:    $network docker ssh
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: load the rules that were confirmed last
### END INIT INFO
[ "$1" = start ] || exit 0
if [ -e {folder}/pending.json ]; then
    if [ -e {folder}/sshd.conf ]; then cp {folder}/sshd.conf {sshd}; else rm -f {sshd}; fi
    rm -f {folder}/pending.json
fi
[ ! -e {folder}/firewall.nft ] || PATH=/usr/sbin:/sbin:/usr/bin:/bin nft -f {folder}/firewall.nft
"""

UNIT = """[Unit]
Description=Load the firewall of {project}
DefaultDependencies=no
After=local-fs.target nftables.service
Before=network-pre.target docker.service ssh.service sshd.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/etc/init.d/{name} start

[Install]
WantedBy=sysinit.target
"""


def folder(store: Store) -> Path:
    """Return where the confirmed guards are kept."""
    return store.state / "guard"


def install(store: Store, project: str) -> None:
    """Write the hook and enable it, once."""
    name = _name(project)
    sshd = hardening.SSHD_FOLDER / f"00-{project}.conf"
    script = SCRIPT.format(name=name, folder=folder(store), sshd=sshd)
    boot.enable(name, script, UNIT.format(name=name, project=project))


def remove(project: str) -> None:
    """Take the hook away."""
    boot.disable(_name(project))


def _name(project: str) -> str:
    return f"{project}-firewall"
