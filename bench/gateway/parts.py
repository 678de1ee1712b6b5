"""Processor time and resident memory of containers and processes, out of control groups and /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.layout import PROJECT
from lab.engine import docker

PROC = Path("/proc")
GROUPS = Path("/sys/fs/cgroup")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Part:
    """A named part: containers by their control groups, or processes with all that they have started.

    Of a container `processes` are the first ones. Its healthchecks are none of their family: they count as
    processor time, and not as memory, which each would take for a blink.
    """

    name: str
    groups: tuple[Path, ...] = ()
    processes: tuple[int, ...] = ()

    def processor_seconds(self) -> float:
        """Return the processor time that it has used since it was started."""
        if self.groups:
            return sum(map(group_seconds, self.groups))
        return sum(map(process_seconds, family(self.processes)))

    def resident_bytes(self) -> int:
        """Return its resident memory; pages that several processes share are counted once (PSS)."""
        return sum(map(process_bytes, family(self.processes)))


def container_parts() -> list[Part]:
    """Return the benchmark's containers by service; two of one service, while one hands over, count as one."""
    listing = docker(
        "ps", "--quiet", "--no-trunc", "--filter", f"label=com.docker.compose.project={PROJECT}",
    ).split()  # fmt: skip
    services: dict[str, list[int]] = {}
    form = '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Pid}}'
    for line in docker("inspect", "--format", form, *listing).splitlines() if listing else []:
        service, pid = line.split()
        services.setdefault(service, []).append(int(pid))
    return [_container(service, pids) for service, pids in sorted(services.items())]


def container_part(name: str) -> Part:
    """Return a single container as a part that is called as the container's last word."""
    return _container(name.rpartition("-")[2], [int(docker("inspect", "--format", "{{.State.Pid}}", name))])


def group_of(membership: str) -> Path:
    """Return the folder that counts processor time, out of a /proc/<pid>/cgroup of either version."""
    lines = [line.split(":", 2) for line in membership.splitlines()]
    for _, controllers, path in lines:
        if "cpuacct" in controllers.split(","):
            return GROUPS / controllers / path.lstrip("/")
    return GROUPS / next(path for _, controllers, path in lines if not controllers).lstrip("/")


def group_seconds(group: Path) -> float:
    """Return the processor time of a control group; of one that is gone 0."""
    if text := _text(group / "cpuacct.usage"):
        return int(text) / 1e9
    usage = dict(line.split() for line in _text(group / "cpu.stat").splitlines())
    return int(usage.get("usage_usec", 0)) / 1e6


def process_seconds(pid: int) -> float:
    """Return the processor time of a process, with that of its threads and of children it has waited for."""
    fields = _text(PROC / str(pid) / "stat").rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def process_bytes(pid: int) -> int:
    """Return a process's share of resident memory."""
    for line in _text(PROC / str(pid) / "smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) << 10
    return 0


def family(roots: Iterable[int]) -> list[int]:
    """Return processes and everything that they, and those, have started."""
    wanted = list(roots)
    if not wanted:
        return []
    children: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            fields = _text(folder / "stat").rpartition(") ")[2].split()
            if len(fields) > 1:
                children.setdefault(int(fields[1]), []).append(int(folder.name))
    for pid in wanted:
        wanted.extend(children.get(pid, []))
    return wanted


def processor_seconds(parts: Sequence[Part]) -> dict[str, float]:
    """Return the processor time of each part so far, of the whole machine, and what others took from the machine."""
    user, nice, system, _, _, hard, soft, stolen = map(int, _text(PROC / "stat").splitlines()[0].split()[1:9])
    busy = user + nice + system + hard + soft
    return {
        **{part.name: part.processor_seconds() for part in parts},
        "machine": busy / _TICKS,
        "stolen": stolen / _TICKS,
    }


def resident_megabytes(parts: Sequence[Part]) -> dict[str, float]:
    """Return the resident memory of each part in MB."""
    return {part.name: round(part.resident_bytes() / 1e6, 1) for part in parts}


def _container(name: str, pids: Sequence[int]) -> Part:
    return Part(name, tuple(group_of(_text(PROC / str(pid) / "cgroup")) for pid in pids), tuple(pids))


def _text(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text()
    return ""
