"""Following a runbook on the lab: its commands are typed into a shell on a terminal, questions answered with yes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.command import INVOKE, ROOT, Result, complaints
from tests.lab.runbook import LOOKS, OVER, commands, filled, missing, shown

IDENTITY = ".lab/age.key"
# What the operator's machine has beside this project. SSH leads to the lab's hosts by their names; the program that
# answers there is a shell as root, as after a login with sudo.
TOOLS = {
    "ssh": (
        "#!/bin/sh\n"
        'host=$1; shift; [ -t 0 ] && exec </dev/null\nexec docker exec --interactive "helicone-lab-$host" sh -c "$*"\n'
    ),
    "age-keygen": (
        f"#!{sys.executable}\n"
        "from pyrage import x25519\n"
        "made = x25519.Identity.generate()\n"
        "print(f'# public key: {made.to_public()}\\n{made}')\n"
    ),
    "restic": (
        "#!/bin/sh\n"
        'repository=$2; password=$4; shift 4\n'
        'exec docker run --rm --network none --volume "$repository:/repository" --volume "$password:/password:ro"'
        ' helicone-lab/restic --repo /repository --password-file /password --no-cache "$@"\n'
    ),
}  # fmt: skip


@contextmanager
def tools_in_reach(folder: Path) -> Iterator[None]:
    """Put the tools that an operator has beside this project into reach, out of `folder`."""
    for name, text in TOOLS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{INVOKE.parent}:{os.environ['PATH']}")
        yield


def follow(page: str, section: str, *, folder: Path = ROOT, home: Path | None = None, **values: str) -> Result:
    """Type all commands of a page's section into one shell; each has to end well. Words in capitals are `values`."""
    result = _typed("\n".join(commands(page, section)), values, folder, home)
    assert result.code == 0, f"{page}, {section}: {result.text}"
    return result


def looks(page: str, section: str = LOOKS, printed: Mapping[str, str] | None = None) -> None:
    """Type the commands whose output a page shows, but for those `printed` already; what it shows has to be there."""
    for one in shown(page, section):
        text = (printed or {}).get(one.command) or _typed(one.command, {}, ROOT, None).text
        assert missing(one.lines, text) == [], f"{page}: {one.command}: {text}"


def over(page: str, *, folder: Path = ROOT, home: Path | None = None) -> None:
    """Type what tells that it is over, and see that verify is content, a request of its own included."""
    lines = [line for block in commands(page, OVER) for line in block.splitlines()]
    for line in lines:
        if not line.startswith("invoke verify"):
            result = _typed(line, {}, folder, home)
            assert result.code == 0, f"{page}: {line}: {result.text}"
    found = complaints()
    assert found == [], f"{page}: {found}"


def _typed(text: str, values: Mapping[str, str], folder: Path, home: Path | None) -> Result:
    command = filled(text, values, "lab", IDENTITY)
    ours, terminal = pty.openpty()
    try:
        os.write(ours, b"y\n" * 9)
        done = subprocess.run(
            ["/bin/bash", "-eo", "pipefail", "-c", command], cwd=folder, stdin=terminal, capture_output=True, text=True,
            check=False, timeout=600, start_new_session=True,
            env={**os.environ, "COLUMNS": "200", **({"HOME": str(home)} if home else {})},
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(terminal)
    return Result(done.returncode, done.stdout, done.stderr)
