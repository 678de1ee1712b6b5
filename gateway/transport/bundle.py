"""The agent as it is sent: a zip of its sources, and the few lines that start it from standard input."""

from __future__ import annotations

import hashlib
import io
import shlex
import zipfile
from functools import cache
from pathlib import Path

from gateway.agent.hello import FOLDER, WANTED

AGENT = Path(__file__).parent.parent / "agent"

# Looks for the same agent, kept by an earlier conversation and readable for its owner alone (agent/resident.py).
# Without one it asks for the zip, reads its size and the zip, and keeps it in memory (memfd_create(2)). It imports from
# what it has opened, which nobody can replace while it works.
# Only the standard library is needed: -I and -S spare the host the search for others. The same lines work for every
# user's shell, they hold no quote but one kind.
_STARTER = (
    "import os,sys\n"
    "i=sys.stdin.fileno()\n"
    "def take(n):\n"
    "    d=b''\n"
    "    while len(d)<n:\n"
    "        c=os.read(i,n-len(d))\n"
    "        if not c: sys.exit(1)\n"
    "        d+=c\n"
    "    return d\n"
    "p=sys.argv[1]+'-'+sys.implementation.cache_tag\n"
    "try:\n"
    "    f=os.open(p,os.O_RDONLY|os.O_NOFOLLOW)\n"
    "    s=os.fstat(f)\n"
    "    kept=s.st_uid==os.geteuid() and not s.st_mode&0o77\n"
    "except OSError:\n"
    "    kept=False\n"
    "if not kept:\n"
    f"    os.write(1,b'{WANTED}\\n')\n"
    "    f=os.memfd_create('helicone-agent')\n"
    "    d=take(int(take(8)))\n"
    "    while d: d=d[os.write(f,d):]\n"
    "p='/proc/self/fd/%d'%f\n"
    "sys.dont_write_bytecode=True\n"
    "sys.path.insert(0,p)\n"
    "from agent.importing import main\n"
    "main()\n"
)


def command(root: str) -> str:
    """Return the shell command that starts the agent for an environment whose folder on the host is `root`."""
    return f'python3 -I -S -u -c "{_STARTER}" {shlex.quote(f"{root}/{FOLDER}/{digest()}")}'


@cache
def archive() -> bytes:
    """Return the zipped agent, preceded by its size in eight digits."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in sorted(AGENT.glob("*.py")):
            bundle.writestr(zipfile.ZipInfo(f"agent/{path.name}"), path.read_bytes(), zipfile.ZIP_DEFLATED)
    data = buffer.getvalue()
    return b"%08d" % len(data) + data


@cache
def digest() -> str:
    """Return by which name a host keeps this agent: any change of a source gives another."""
    return hashlib.sha256(b"".join(path.read_bytes() + b"\0" for path in sorted(AGENT.glob("*.py")))).hexdigest()[:32]
