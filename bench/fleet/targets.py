"""The targets: sshd processes of this machine, each with its own address, host key and folders, ended by their ids.

Each runs in a mount namespace in which the folders that a deploy writes to are its own, so that all have the same
paths and none touches this machine's, and in a process namespace, which nothing that it started outlives. Its folders
are in memory: a hundred hosts do not share one disk. Programs that ask Docker find stand-ins, which say so.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.fleet.layout import MEMORY, PORT, RELAYS, TARGETS
from bench.layout import ROOT
from bench.shell import require, wait_for
from gateway.errors import GatewayError
from lab.keys import write_key_pair

SSHD = "/usr/sbin/sshd"
OWN = {"run": "/run", "opt": "/opt", "root": "/root", "tmp": "/tmp", "init.d": "/etc/init.d"}  # noqa: S108
WIPED = ("opt", "root", "tmp", "init.d")
START_SECONDS = 60
CONFIGURATION = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile /run/authorized_keys
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
LogLevel VERBOSE
MaxStartups 200
MaxSessions 200
SetEnv PATH={programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Subsystem sftp internal-sftp
"""
DOCKER = """#!/bin/sh
# STAND-IN for docker: says that Compose is there, and that whatever it is told to do is done.
[ "$1 $2" = "compose version" ] && echo 5.0.0
exit 0
"""
INIT = """#!/bin/sh
# STAND-IN for update-rc.d: this machine's own boot stays as it is.
exit 0
"""


@dataclass(frozen=True)
class Counts:
    """What the sshds saw: connections that logged in, commands, and other sessions (sftp)."""

    connections: int
    commands: int
    subsystems: int


@dataclass(frozen=True)
class Target:
    """One target: its number, its folder, and its sshd."""

    block: int
    number: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def name(self) -> str:
        """Return the name that every tool calls it by."""
        return f"host{self.number:03}"

    def address(self, *, far: bool) -> str:
        """Return where it is reached, directly or by way of the relay."""
        return (RELAYS if far else TARGETS).format(block=self.block, number=self.number)

    @property
    def log(self) -> Path:
        """Return where its sshd writes."""
        return self.folder / "sshd.log"

    def place(self, path: str) -> Path:
        """Return where on this machine a path of the target is, which has to be below one of its own folders."""
        for name, own in OWN.items():
            if path == own or path.startswith(f"{own}/"):
                return self.folder / name / path[len(own) :].lstrip("/")
        raise ValueError(f"{path} is not the target's own")

    def wipe(self) -> None:
        """Make the target as new as it was at first."""
        for name in WIPED:
            for entry in (self.folder / name).iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


@dataclass(frozen=True)
class Fleet:
    """All targets of a run, the key that opens them, and what belongs to them."""

    folder: Path
    targets: tuple[Target, ...]
    identity: Path
    parts: dict[str, subprocess.Popen[bytes]]

    def carried(self) -> tuple[int, int]:
        """Return the bytes that the relay has carried to the targets and back."""
        relay = self.parts["relay"]
        assert relay.stdin is not None  # noqa: S101 - stdin=PIPE and stdout=PIPE give one each
        assert relay.stdout is not None  # noqa: S101
        relay.stdin.write(b"\n")
        relay.stdin.flush()
        forth, back = relay.stdout.readline().split()
        return int(forth), int(back)

    def known_hosts(self) -> str:
        """Return the lines that pin every target's key, at its own address and at its relay's."""
        keys = [(self.folder / str(one.number) / "host_key.pub").read_text().split()[:2] for one in self.targets]
        return "".join(
            f"[{target.address(far=far)}]:{PORT} {' '.join(key)}\n"
            for far in (False, True)
            for target, key in zip(self.targets, keys, strict=True)
        )

    def forget_logs(self) -> None:
        """Begin to count anew."""
        for target in self.targets:
            with target.log.open("r+") as log:
                log.truncate()

    def counts(self) -> Counts:
        """Return what was counted since `forget_logs`."""
        logs = [target.log.read_text() for target in self.targets]
        return Counts(
            connections=sum(log.count("Accepted publickey") for log in logs),
            commands=sum(log.count("Starting session: command") for log in logs),
            subsystems=sum(log.count("Starting session: subsystem") for log in logs),
        )

    def is_quiet(self) -> bool:
        """Return whether no target has a connection any more."""
        return not any(children(sshd) for target in self.targets for sshd in children(target.process.pid))


@contextlib.contextmanager
def fleet(count: int, one_way: Sequence[float] = ()) -> Iterator[Fleet]:
    """Run so many targets, their stand-ins and a relay, and yield them; end all and remove their folder afterwards.

    The relay delays each way by `one_way` seconds; without it there is none. Raises GatewayError.
    """
    require(os.geteuid() == 0, "the targets need root for their namespaces", "type it as root, or through sudo")
    require(Path(SSHD).is_file(), "there is no sshd on this machine", "apt-get install openssh-server")
    folder = Path(tempfile.mkdtemp(prefix="helicone-bench-fleet-", dir=MEMORY if MEMORY.is_dir() else None))
    processes: list[subprocess.Popen[bytes]] = []
    block = _free_block()
    try:
        folder.chmod(0o755)
        identity = folder / "identity"
        write_key_pair(identity)
        programs = folder / "programs"
        programs.mkdir()
        for name, text in (("docker", DOCKER), ("update-rc.d", INIT)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        targets = []
        for number in range(1, count + 1):
            targets.append(_target(block, number, folder, identity, programs))
            processes.append(targets[-1].process)
        parts = {"engine": _helper(processes, "bench.fleet.engine", *(str(one.folder) for one in targets))}
        for seconds in one_way:
            parts["relay"] = _helper(processes, "bench.fleet.relay", str(block), str(count), str(seconds))
        made = Fleet(folder, tuple(targets), identity, parts)
        wait_for(lambda: all(map(_answers, made.targets)), "the start of the targets", START_SECONDS)
        require(all(process.poll() is None for process in processes), "a target ended at once")
        yield made
    finally:
        for process in processes:
            process.kill()  # unshare heeds no other signal, and takes its target with it
        for process in processes:
            process.wait()
        shutil.rmtree(folder)


def children(process: int) -> list[int]:
    """Return the ids of a process's children."""
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def _target(block: int, number: int, folder: Path, identity: Path, programs: Path) -> Target:
    own = folder / str(number)
    for name in OWN:
        (own / name).mkdir(parents=True, mode=0o755)
    (own / "run" / "sshd").mkdir(mode=0o755)
    (own / "root").chmod(0o700)
    (own / "tmp").chmod(0o1777)
    write_key_pair(own / "host_key")
    shutil.copy(f"{identity}.pub", own / "run" / "authorized_keys")
    text = CONFIGURATION.format(
        port=PORT, address=TARGETS.format(block=block, number=number), folder=own, programs=programs
    )
    (own / "sshd_config").write_text(text)
    mounts = " && ".join(f"mount --bind {own / name} {path}" for name, path in OWN.items())
    command = f"{mounts} && exec {SSHD} -D -f {own / 'sshd_config'} -E {own / 'sshd.log'}"
    words = ["unshare", "--mount-proc", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", command]
    return Target(block, number, own, subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True))


def _helper(processes: list[subprocess.Popen[bytes]], module: str, *words: str) -> subprocess.Popen[bytes]:
    """Start a module as a process that says when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    processes.append(process)
    assert process.stdout is not None  # noqa: S101 - stdout=PIPE gives one
    require(process.stdout.readline() == b"ready\n", f"{module} did not start")
    return process


def _free_block() -> int:
    """Return a block of loopback addresses in which nobody listens: several fleets can run side by side."""
    for block in range(256):
        with contextlib.suppress(OSError), socket.create_server((TARGETS.format(block=block, number=1), PORT)):
            return block
    raise GatewayError("no block of loopback addresses is free", where="bench")


def _answers(target: Target) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((target.address(far=False), PORT), 1) as probe:
        return probe.recv(4) == b"SSH-"
    return False
