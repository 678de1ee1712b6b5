"""The table of an environment in the kernel: put there, compared, taken away; in a network of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.agent import firewall
from gateway.agent.failure import StepFailed

ROOT = Path(__file__).resolve().parents[3]
RULES = "table inet helicone-x\ndelete table inet helicone-x\ntable inet helicone-x {\n    chain c {\n%s    }\n}\n"
ALONE = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="nft needs root")


def run(script: str) -> str:
    """Run lines of Python with `firewall` in a network namespace of their own; return what they print."""
    head = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom gateway.agent import firewall\nRULES = {RULES!r}\n"
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", head + script], capture_output=True, text=True, check=False
    )
    if "unshare failed" in done.stderr:
        pytest.skip("this machine allows no network namespaces")
    assert done.returncode == 0, done.stderr
    return done.stdout


@ALONE
def test_it_is_what_was_put_until_somebody_changes_it():
    assert run("""
import subprocess
rules = RULES % "tcp dport { 2, 1 } accept\\n"
print(firewall.in_force("helicone-x", None), firewall.in_force("helicone-x", rules))
firewall.put("helicone-x", rules)
firewall.put("helicone-x", rules)
print(firewall.in_force("helicone-x", None), firewall.in_force("helicone-x", rules))
subprocess.run(["nft", "add", "rule", "inet", "helicone-x", "c", "drop"], check=True)
print(firewall.in_force("helicone-x", rules))
firewall.put("helicone-x", rules)
print(firewall.in_force("helicone-x", rules))
firewall.put("helicone-x", None)
firewall.put("helicone-x", None)
print(firewall.listed("helicone-x"))
""").split() == ["True", "False", "False", "True", "False", "True", "None"]


@ALONE
def test_what_nft_refuses_changes_nothing_and_says_why():
    assert "True nft refused the rules: /dev/stdin:5" in run("""
rules = RULES % "accept\\n"
firewall.put("helicone-x", rules)
try:
    firewall.put("helicone-x", RULES % "no such words\\n")
except firewall.StepFailed as error:
    print(firewall.in_force("helicone-x", rules), error)
""")


def test_a_host_without_nft_says_so(monkeypatch):
    monkeypatch.setattr(firewall.programs, "find", lambda *_: None)
    monkeypatch.setenv("PATH", "/nowhere")
    assert not firewall.is_installed()
    assert firewall.in_force("helicone-x", None)
    assert not firewall.in_force("helicone-x", "rules")
    firewall.put("helicone-x", None)
    with pytest.raises(StepFailed, match="nft cannot be run"):
        firewall.put("helicone-x", "rules")


def test_without_nft_no_process_is_started_to_look(monkeypatch):
    monkeypatch.setattr(firewall.programs, "find", lambda *_: None)
    monkeypatch.setattr(firewall.subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    assert firewall.listed("helicone-x") is None


def test_an_nft_that_only_path_knows_is_used(monkeypatch, tmp_path):
    (tmp_path / "nft").write_text("#!/bin/sh\necho table inet $5\n")
    (tmp_path / "nft").chmod(0o755)
    monkeypatch.setattr(firewall.programs, "SYSTEM", "/nowhere")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert firewall.listed("helicone-x") == "table inet helicone-x\n"


def test_a_kernel_without_it_is_found_out(monkeypatch):
    def refuse(*_):
        raise OSError(93, "Protocol not supported")

    monkeypatch.setattr(firewall.socket, "socket", refuse)
    assert not firewall.kernel_supports()
