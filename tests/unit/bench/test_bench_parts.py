"""Processor time and memory out of control groups and /proc."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from bench.gateway import parts
from bench.gateway.parts import Part, family, group_of, group_seconds, process_bytes, process_seconds, processor_seconds

OLD = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n"
NEW = "0::/system.slice/docker-abc.scope\n"


def test_the_group_of_either_version_is_found():
    assert group_of(OLD) == parts.GROUPS / "cpu,cpuacct" / "docker" / "abc"
    assert group_of(NEW) == parts.GROUPS / "system.slice" / "docker-abc.scope"


def test_the_time_of_a_group_of_either_version_is_read(tmp_path):
    (tmp_path / "cpuacct.usage").write_text("2500000000\n")
    assert group_seconds(tmp_path) == 2.5
    (tmp_path / "cpuacct.usage").unlink()
    (tmp_path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    assert group_seconds(tmp_path) == 1.5


def test_a_group_that_is_gone_has_used_nothing(tmp_path):
    assert group_seconds(tmp_path / "gone") == 0


def test_a_process_counts_with_what_it_has_started():
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as process:
        for _ in range(1200):
            members = family([process.pid])
            if len(members) == 2 and process_bytes(members[1]) > 1_000_000:
                break
            time.sleep(0.05)
        assert len(members) == 2
        assert process_bytes(members[1]) > 1_000_000
        assert Part("both", processes=(process.pid,)).resident_bytes() > process_bytes(members[1])
        process.communicate(b"\n")


def test_the_time_of_this_process_grows_with_its_work():
    before = process_seconds(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.1:
        pass
    assert process_seconds(os.getpid()) - before >= 0.05


def test_the_machine_is_counted_beside_the_parts():
    spent = processor_seconds([Part("this", processes=(os.getpid(),))])
    assert set(spent) == {"this", "machine", "stolen"}
    assert spent["machine"] > spent["this"] > 0
