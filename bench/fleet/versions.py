"""What is compared, by version: the project's commit, the rivals, and the programs below all of them."""

from __future__ import annotations

import importlib.metadata
import subprocess

from bench.fleet.layout import PYTHON, VIRTUAL_ENVIRONMENT
from bench.fleet.targets import SSHD
from bench.shell import run

RIVALS = ("ansible-core", "mitogen", "pyinfra")
LIBRARIES = ("fabric", "paramiko", "cryptography")


def versions() -> dict[str, str]:
    """Return versions by name; a rival that is not installed is `not installed`."""
    sshd = subprocess.run([SSHD, "-V"], capture_output=True, text=True, check=False).stderr.strip()
    return {
        "commit": run(["git", "rev-parse", "--short", "HEAD"]).strip(),
        "python": run([PYTHON, "-V"]).split()[1],
        "sshd": sshd.splitlines()[-1].partition(",")[0] if sshd else "",
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
        **{name: _rival(name) for name in RIVALS},
    }


def _rival(name: str) -> str:
    folders = [str(path) for path in VIRTUAL_ENVIRONMENT.glob("lib/python3*/site-packages")]
    found = next(iter(importlib.metadata.distributions(name=name, path=folders)), None)
    return found.version if found else "not installed"
