"""What tests change of the lab's inventory and secrets, and put back; and controllers that die."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.command import ROOT, arguments, invoke, lab

INVENTORY = ROOT / "inventory" / "lab"


@contextmanager
def host_variables(host: str, text: str) -> Iterator[None]:
    """Let the inventory say this of one host for as long as the block lasts."""
    file = INVENTORY / "host_vars" / f"{host}.yml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    try:
        yield
    finally:
        file.unlink()
        file.parent.rmdir()


@contextmanager
def edited_secrets(folder: Path, *names: str) -> Iterator[None]:
    """Give secrets new values as an operator does, in the editor; they are as before when the block ends."""
    vault = INVENTORY / "secrets.yml.age"
    before = vault.read_bytes()
    edits = "".join(f's/^{name}:.*/{name}: "{secrets.token_hex(16)}"/;' for name in names)
    editor = folder / "editor"
    editor.write_text(f"#!/bin/sh\nsed -i '{edits}' \"$1\"\n")
    editor.chmod(0o700)
    usual = os.environ.get("VISUAL")
    os.environ["VISUAL"] = str(editor)
    try:
        assert invoke("secrets.edit", "--env", "lab").code == 0
        assert vault.read_bytes() != before
        yield
    finally:
        vault.write_bytes(before)
        if usual is None:
            del os.environ["VISUAL"]
        else:
            os.environ["VISUAL"] = usual


def deploy_until(moment: tuple[str, ...], *words: str) -> None:
    """Start a deploy and kill it when it shows a line with all of `moment`'s words; `words` are its flags."""
    process = subprocess.Popen(
        arguments("deploy", "--env", "lab", "--yes", *words), cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    reached = any(all(word in line for word in moment) for line in process.stderr)
    process.kill()
    process.wait()
    process.stderr.close()
    assert reached, f"the deploy ended without {moment}"


def all_free(within: float = 90) -> dict[str, dict]:
    """Wait until nobody is changing a host any more, and return what status says of each."""
    deadline = time.monotonic() + within
    while True:
        hosts: dict[str, dict] = lab("status", "--json").data()["hosts"]
        if not any(host["lease"] for host in hosts.values()):
            return hosts
        assert time.monotonic() < deadline, "a lease was not freed"
        time.sleep(1)
