"""The program that looks at a host, as one shell command: its sources travel inside."""

from __future__ import annotations

import base64
import io
import json
import shlex
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent.parent
# The agent's view of the engine is used as it is; the folders' own __init__ files would import more.
SOURCES = ("agent/engine.py", "agent/failure.py")
EMPTY = ("__init__.py", "agent/__init__.py", "verify/__init__.py")

# Imports from memory (memfd_create(2)): nothing is written to the host.
_STARTER = """
import base64, os, sys
memory = os.memfd_create("helicone-verify")
os.write(memory, base64.b64decode(sys.stdin.buffer.read()))
sys.dont_write_bytecode = True
sys.path.insert(0, "/proc/self/fd/%d" % memory)
from gateway.verify.onhost.program import main
main()
"""


def look_command(order: dict[str, Any]) -> str:
    """Return the shell command that runs `onhost.program` with `order`; nothing in it is secret."""
    return f"python3 -c {shlex.quote(_STARTER)} {shlex.quote(json.dumps(order))} <<'END'\n{_sources()}\nEND"


@cache
def _sources() -> str:
    """Return the zipped sources as base64 text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in EMPTY:
            bundle.writestr(f"gateway/{name}", "")
        for path in [*(PACKAGE / name for name in SOURCES), *sorted((PACKAGE / "verify" / "onhost").glob("*.py"))]:
            bundle.writestr(f"gateway/{path.relative_to(PACKAGE)}", path.read_bytes())
    return base64.b64encode(buffer.getvalue()).decode()
