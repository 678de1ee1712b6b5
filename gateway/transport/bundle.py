"""The agent as it is sent: a zip of its sources, and the few lines that start it from standard input."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

AGENT = Path(__file__).parent.parent / "agent"

# Reads the zip's size and the zip, keeps it in memory (memfd_create(2)) and imports from there: the
# agent leaves no file behind. The same lines work for every user's shell, they hold no quote but one kind.
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
    "f=os.memfd_create('helicone-agent')\n"
    "d=take(int(take(8)))\n"
    "while d: d=d[os.write(f,d):]\n"
    "sys.dont_write_bytecode=True\n"
    "sys.path.insert(0,'/proc/self/fd/%d'%f)\n"
    "from agent.session import main\n"
    "main()\n"
)

COMMAND = f'python3 -u -c "{_STARTER}"'


@cache
def archive() -> bytes:
    """Return the zipped agent, preceded by its size in eight digits."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in sorted(AGENT.glob("*.py")):
            bundle.writestr(zipfile.ZipInfo(f"agent/{path.name}"), path.read_bytes(), zipfile.ZIP_DEFLATED)
    data = buffer.getvalue()
    return b"%08d" % len(data) + data
