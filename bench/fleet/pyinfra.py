"""pyinfra at its best settings: all hosts at once, and operations that do not wait for each other's hosts."""

from __future__ import annotations

import re

from bench.fleet.environment import CHANGED_FILE, STATES
from bench.fleet.job import PLACE, STATE_OF, TEMPLATES, VARIABLE, Job
from bench.fleet.layout import VIRTUAL_ENVIRONMENT

INVENTORY, DEPLOY = "pyinfra_hosts.py", "pyinfra_deploy.py"
_TOTAL = re.compile(r"^\s*Grand total\s+(\S+)\s+(\S+)\s+(\S+)", re.MULTILINE)
_DEPLOY = """\
from pyinfra import host
from pyinfra.operations import files

for path, mode in {files!r}:
    files.put(
        name=path, src=f"{folder}/{{host.data.state}}/{{host.name}}/{{path}}", dest=f"{place}/{{path}}", mode=mode
    )
files.template(
    name={changed!r}, src=f"{folder}/{templates}/{{host.name}}/{changed}", dest="{place}/{changed}",
    mode={mode!r}, {variable}=host.data.{variable},
)
"""


def command(job: Job, kind: str) -> list[str]:
    """Write inventory and operations, and return the call."""
    folder, state = job.folder, STATE_OF[kind]
    hosts = [
        (one["name"], {
            "ssh_hostname": one["address"], "ssh_port": one["port"], "ssh_user": "root",
            "ssh_key": str(job.fleet.identity), "ssh_known_hosts_file": str(job.known_hosts),
            "ssh_strict_host_key_checking": "yes", "ssh_allow_agent": False, "ssh_look_for_keys": False,
        })
        for one in job.hosts()
    ]  # fmt: skip
    (folder / INVENTORY).write_text(f"hosts = {hosts!r}\n")
    (folder / DEPLOY).write_text(_DEPLOY.format(
        files=[(path, f"{mode:o}") for path, mode in job.paths.items() if path != CHANGED_FILE], folder=folder,
        place=PLACE, changed=CHANGED_FILE, mode=f"{job.paths[CHANGED_FILE]:o}", templates=TEMPLATES, variable=VARIABLE,
    ))  # fmt: skip
    return [
        str(VIRTUAL_ENVIRONMENT / "bin" / "pyinfra"), "-y", "--parallel", str(job.count), "--no-wait",
        "--data", f"state={state}", "--data", f"{VARIABLE}={STATES[state]}",
        str(folder / INVENTORY), str(folder / DEPLOY),
    ]  # fmt: skip


def changed(said: str) -> int:
    """Return how many changes pyinfra's summary counts; of operations, not of hosts."""
    total = _TOTAL.search(said)
    return int(total[2]) if total and total[2].isdigit() else 0
