"""ansible-core at its best settings, with and without mitogen.

forks is the number of hosts, pipelining is on, connections are multiplexed and kept, no facts are gathered, the
interpreter is named, and hosts do not wait for each other (strategy free; mitogen's own of that name).
https://docs.ansible.com/ansible/latest/reference_appendices/config.html and
https://mitogen.networkgenomics.com/ansible_detailed.html say what each does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from bench.fleet.environment import CHANGED_FILE, STATES
from bench.fleet.job import PLACE, STATE_OF, TEMPLATES, VARIABLE, Job
from bench.fleet.layout import PYTHON, VIRTUAL_ENVIRONMENT

_RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=0\s+failed=0", re.MULTILINE)
PLAYBOOK, INVENTORY, CONFIGURATION = "playbook.yml", "ansible-hosts.yml", "ansible.cfg"


def command(job: Job, kind: str) -> list[str]:
    """Write configuration, inventory and playbook, and return the call."""
    folder, state = job.folder, STATE_OF[kind]
    (folder / CONFIGURATION).write_text(configuration(job))
    (folder / INVENTORY).write_text(yaml.safe_dump(inventory(job)))
    (folder / PLAYBOOK).write_text(yaml.safe_dump(playbook(job), sort_keys=False))
    values = json.dumps({"state": state, VARIABLE: STATES[state]})
    program = str(VIRTUAL_ENVIRONMENT / "bin" / "ansible-playbook")
    return [program, "--inventory", str(folder / INVENTORY), "--extra-vars", values, str(folder / PLAYBOOK)]


def configuration(job: Job) -> str:
    """Return ansible.cfg."""
    return f"""\
[defaults]
forks = {job.count}
gathering = explicit
host_key_checking = True
private_key_file = {job.fleet.identity}
remote_user = root
local_tmp = {job.folder}/ansible-tmp
retry_files_enabled = False
nocows = True
[connection]
pipelining = True
[ssh_connection]
pipelining = True
control_path_dir = {job.fleet.folder}/cp
ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o PreferredAuthentications=publickey -o IdentitiesOnly=yes
ssh_common_args = -F /dev/null -o UserKnownHostsFile={job.known_hosts}
"""


def inventory(job: Job) -> dict[str, object]:
    """Return the hosts."""
    hosts = {str(one["name"]): {"ansible_host": one["address"], "ansible_port": one["port"]} for one in job.hosts()}
    return {"all": {"hosts": hosts, "vars": {"ansible_python_interpreter": PYTHON}}}


def playbook(job: Job) -> list[dict[str, object]]:
    """Return the play: folders, then the files by `copy`, and the one with the variable by `template`."""
    folders = sorted({str(Path(PLACE, path).parent) for path in job.paths})
    files = [{"path": path, "mode": f"{mode:04o}"} for path, mode in job.paths.items() if path != CHANGED_FILE]
    return [{
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "name": "folders",
                "ansible.builtin.file": {"path": "{{ item }}", "state": "directory", "mode": "0755"},
                "loop": folders,
            },
            {
                "name": "files",
                "ansible.builtin.copy": {
                    "src": f"{job.folder}/{{{{ state }}}}/{{{{ inventory_hostname }}}}/{{{{ item.path }}}}",
                    "dest": f"{PLACE}/{{{{ item.path }}}}",
                    "mode": "{{ item.mode }}",
                },
                "loop": files,
                "loop_control": {"label": "{{ item.path }}"},
            },
            {
                "name": "the file with the variable",
                "ansible.builtin.template": {
                    "src": f"{job.folder}/{TEMPLATES}/{{{{ inventory_hostname }}}}/{CHANGED_FILE}",
                    "dest": f"{PLACE}/{CHANGED_FILE}",
                    "mode": f"{job.paths[CHANGED_FILE]:04o}",
                },
            },
        ],
    }]  # fmt: skip


def alone(job: Job) -> Mapping[str, str]:
    """Return the environment of ansible-core by itself."""
    return {
        "ANSIBLE_CONFIG": str(job.folder / CONFIGURATION), "ANSIBLE_STRATEGY": "free", "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(job.folder / "ansible-home"),
        "PATH": f"{VIRTUAL_ENVIRONMENT / 'bin'}:{os.environ['PATH']}",
    }  # fmt: skip


def with_mitogen(job: Job) -> Mapping[str, str]:
    """Return the environment of ansible-core with mitogen's strategy."""
    plugins = next(VIRTUAL_ENVIRONMENT.glob("lib/python3*/site-packages/ansible_mitogen/plugins/strategy"))
    return {**alone(job), "ANSIBLE_STRATEGY": "mitogen_free", "ANSIBLE_STRATEGY_PLUGINS": str(plugins)}


def changed(said: str) -> int:
    """Return how many hosts of the recap had something changed."""
    return sum(int(count) > 0 for _, count in _RECAP.findall(said))
