"""Faults that are injected on purpose; the others are in the tests of what they break. See docs/reliability.md.

FAULT_KILLS, FAULT_ROUNDS and FAULT_CUTS say how often what depends on the moment is tried; `make faults` sets them.
"""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from tests.lab.changing import all_free
from tests.lab.command import ADDRESSES, ROOT, Result, all_containers, arguments, complaints, lab, on_host
from tests.lab.relay import Line, relay

pytestmark = pytest.mark.usefixtures("as_found_in_the_end")
KILLS = int(os.environ.get("FAULT_KILLS", "2"))
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "2"))
CUTS = int(os.environ.get("FAULT_CUTS", "0"))
HOSTILE = "a 'b' \"c\" \\d $e ${F} #g\n\té中😀 %h"
SETTLED = 120.0
NEAR = "127.0.0.87"  # an address of this machine that nothing else listens on
OUTPUT = ROOT / ".lab" / "logs" / "faults-deploy.txt"


def deploying(mark: str) -> subprocess.Popen[str]:
    """Start a deploy that changes jawn on both app hosts; its plan and its outcome go to a file, see `ended`."""
    command = ["deploy", "--env", "lab", "--yes", "--set", f"jawn.environment.LAB_MARK={mark}"]
    with OUTPUT.open("w") as output:
        return subprocess.Popen(
            arguments(*command), cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a deploy and return its code and what it printed since the last line that was read."""
    _, err = process.communicate(timeout=300)
    return process.returncode, OUTPUT.read_text() + err


def wait_for_line(process: subprocess.Popen[str], *words: str) -> None:
    """Read a deploy's progress up to a line with all of these words."""
    assert process.stderr is not None
    read = ""
    for line in process.stderr:
        read += line
        if all(word in line for word in words):
            return
    raise AssertionError(f"no {words!r} in: {read}")


def settled() -> dict[str, str]:
    """Wait until nobody changes a host any more, and return each one's release; every one must be whole."""
    hosts = all_free(SETTLED)
    for name, host in hosts.items():
        assert not host["state"].startswith(("interrupted", "drifted", "no release")), (name, host["state"])
    return {name: host["release"] for name, host in hosts.items()}


@contextlib.contextmanager
def line_to_app1(line: Line) -> Iterator[None]:
    """Let app1 be reached over a line that may break."""
    files = ROOT / "inventory" / "lab" / "host_vars" / "app1.yml", ROOT / "inventory" / "lab" / "known_hosts"
    known = files[1].read_text()
    files[0].parent.mkdir(exist_ok=True)
    try:
        with relay(NEAR, (ADDRESSES["app1"], 22), line, 22):  # the firewall lets in the port that the inventory says
            files[0].write_text(f"connection: {{address: {NEAR}}}\n")
            kind, key = next(one.split()[1:3] for one in known.splitlines() if one.startswith(ADDRESSES["app1"]))
            files[1].write_text(f"{known}{NEAR} {kind} {key}\n")
            yield
    finally:
        files[0].unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            files[0].parent.rmdir()
        files[1].write_text(known)


@pytest.fixture
def noisy() -> Iterator[None]:
    """Make app2, where nobody logs in as root, as awkward as a shell can make it."""
    noise = "echo WELCOME; printf 'no line end'; umask 000; export LC_ALL=tr_TR.UTF-8 LANG=C; sleep 0.3"
    home = "/home/operator"
    on_host("app2", f"touch {home}/.bashrc; cp {home}/.bashrc {home}/.kept; cp /etc/motd /etc/motd.kept")
    on_host("app2", f"printf '%s\\n' \"{noise}\" | cat - {home}/.kept > {home}/.bashrc")
    on_host("app2", "yes a long motd | head -500 > /etc/motd")
    yield
    on_host("app2", f"mv {home}/.kept {home}/.bashrc; mv /etc/motd.kept /etc/motd")


@pytest.mark.fault("F20")
def test_a_host_with_a_noisy_login_works(noisy, injected):
    before = all_containers()
    assert complaints() == []
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text
    assert all_containers().keys() == before.keys()
    injected(times=2)


@pytest.mark.fault("F1", "F15", "F19")
def test_a_connection_that_is_cut_at_any_byte_leaves_the_host_whole_and_the_next_deploy_converges(injected):
    before = settled()
    with line_to_app1(looked := Line()):
        assert lab("plan").code == 0
    with line_to_app1(whole := Line()):
        process = deploying("measured")
        wait_for_line(process, "app1", "switch to")  # all was uploaded
        uploaded = whole.carried
        wait_for_line(process, "app1", "start egress")  # the switch was ordered, and the host is at it
        whole.break_now()
        code, out = ended(process)
    assert code in (5, 6), out
    assert settled().keys() == before.keys()
    shares = [random.random() for _ in range(CUTS)]  # noqa: S311 - any byte will do
    for share in [0.01, 0.5, 0.95, *shares]:  # of what the host gets after it was looked at and before the switch
        runs = settled()
        cut = looked.carried + int((uploaded - looked.carried) * share) - 1
        with line_to_app1(Line(cut)):
            code, out = ended(deploying(f"cut-{cut}"))
        assert code in (3, 5, 6), out
        assert settled() == runs, "before the switch is ordered nothing may have changed"
    injected(times=4 + len(shares))
    with registry_down():
        result = lab("deploy", "--yes", "--set", f"jawn.environment.LAB_MARK={_yaml(HOSTILE)}")
    assert result.code == 0, result.text
    assert len(set(settled().values())) == 1
    seen = on_host("app1", "docker exec helicone-lab-jawn-1 node -e 'process.stdout.write(process.env.LAB_MARK)'")
    assert seen == HOSTILE


@contextlib.contextmanager
def registry_down() -> Iterator[None]:
    """Stop the registry: what is deployed meanwhile has to be on the hosts."""
    subprocess.run(["docker", "stop", "-t", "2", "helicone-lab-registry"], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "start", "helicone-lab-registry"], check=True, capture_output=True)


def _yaml(text: str) -> str:
    """Return a text as YAML's double quotes take it."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(one, one) for one in text) + '"'


@pytest.mark.fault("F2")
@pytest.mark.long
def test_a_connection_that_stalls_is_given_up_and_the_lease_runs_out(injected):
    with line_to_app1(line := Line(stalls=True)):
        process = deploying("stalled")
        wait_for_line(process, "app1", "switch to")
        line.break_now()
        started = time.monotonic()
        code, out = ended(process)
    assert code in (5, 6), out
    assert time.monotonic() - started < 240
    settled()
    injected(times=1)


@pytest.mark.fault("F3")
@pytest.mark.long
def test_a_controller_that_is_killed_at_any_moment_leaves_hosts_that_the_next_deploy_needs_no_hand_for(injected):
    started = time.monotonic()
    code, out = ended(deploying("whole"))
    assert code == 0, out
    whole = time.monotonic() - started
    killed = 0
    while killed < KILLS:
        process = deploying(f"killed-{time.time_ns()}")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=random.uniform(0.3, whole))  # noqa: S311 - any moment will do
        killed += process.poll() is None  # one that was over before its moment is no kill
        process.send_signal(signal.SIGKILL)
        process.communicate()
        settled()
    injected(times=killed)
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text
    assert complaints() == []


@pytest.mark.fault("F4")
@pytest.mark.long
def test_ctrl_c_inside_a_switch_sends_every_host_back(injected):
    before = settled()
    process = deploying(f"interrupted-{time.time_ns()}")
    wait_for_line(process, "app1", "start egress, jawn")
    process.send_signal(signal.SIGINT)
    code, out = ended(process)
    assert code == 5, out
    assert "stopped by Ctrl-C" in out
    assert settled() == before
    injected(times=1)


@pytest.mark.fault("F5")
@pytest.mark.long
def test_of_two_deploys_started_together_exactly_one_wins_every_time(injected):
    for number in range(ROUNDS):
        results: list[Result] = []
        barrier = threading.Barrier(2)

        def start(mark: str, barrier: threading.Barrier = barrier, results: list[Result] = results) -> None:
            """Start together with the other one."""
            barrier.wait()
            results.append(lab("deploy", "--yes", "--set", f"jawn.environment.LAB_MARK={mark}"))

        threads = [threading.Thread(target=start, args=(f"{side}-{number}",)) for side in ("left", "right")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        codes = sorted(result.code for result in results)
        assert codes in ([0, 4], [0, 2]), codes  # 2: it looked before the other's switch, and says that the host moved
        settled()
    injected(times=ROUNDS)


@pytest.mark.fault("F6")
def test_a_disk_that_fills_up_inside_the_upload_leaves_the_old_release_and_nothing_else(injected):
    before = settled()
    folder, small = "/opt/helicone/lab/releases", "/mnt/small-releases"
    on_host("app1", f"mkdir -p {small} && mount -t tmpfs -o size=$(($(du -sk {folder} | cut -f1) + 48))k,mode=700"
                    f" small {small} && cp -a {folder}/. {small}/ && mount --bind {small} {folder}")  # fmt: skip
    try:
        code, out = ended(deploying("full"))
        left = on_host("app1", f"ls -A {folder}").split()
    finally:
        on_host("app1", f"umount {folder} && umount {small} && rmdir {small}")
    assert code == 5, out
    assert "No space left on device" in out
    assert not [name for name in left if name.startswith(".")]
    assert settled() == before
    refused = lab("deploy", "--yes", "--set", "preflight.disk_free_gb=100000", "--set", "jawn.environment.LAB_MARK=x")
    assert refused.code == 2, refused.text
    injected(times=2)


@pytest.mark.fault("F6")
@pytest.mark.long
def test_a_disk_that_fills_up_inside_a_pull_leaves_the_old_release(injected):
    before, running = settled(), all_containers()
    missing = "registry.lab:5000/clickhouse"  # of the registry's images one that an app host does not need
    downloads = "/var/lib/docker/tmp"  # where Docker puts what it downloads
    on_host("app1", f"docker image ls -q {missing} | xargs -r docker image rm --force")
    on_host("app1", f"mount -t tmpfs -o size=64k tmpfs {downloads}")
    try:
        result = lab("deploy", "--yes", "--set", f"images.jawn={missing}:24.3")
    finally:
        on_host("app1", f"umount {downloads}")
    assert result.code == 5, result.text
    assert "the deploy stopped at `pull`" in result.text
    assert "no space left on device" in result.text
    assert (settled(), all_containers()) == (before, running)
    assert lab("prune", "--yes").code == 0
    assert "clickhouse" not in on_host("app1", "docker image ls --format '{{.Repository}}'")
    injected(times=1)


@pytest.mark.fault("F7")
@pytest.mark.long
def test_a_docker_that_dies_inside_a_switch_leaves_a_host_that_is_named_and_settled_by_the_next_deploy(injected):
    before = settled()
    process = deploying(f"docker-dies-{time.time_ns()}")
    wait_for_line(process, "app1", "switch to")
    on_host("app1", "kill -9 $(cat /var/run/docker.pid)")
    try:
        code, out = ended(process)
    finally:
        on_host("app1", "service docker start", check=False)
    assert code == 6, out
    assert "app1" in out
    injected(times=1)
    result = lab("deploy", "--yes")
    assert result.code == 0, result.text
    assert settled().keys() == before.keys()
    assert complaints() == []


@pytest.mark.fault("F7")
def test_a_host_whose_compose_is_too_old_is_refused_before_anything_is_switched(injected):
    before, running = settled(), all_containers()
    old = """#!/bin/sh\n[ "$1" = compose ] && { echo 2.0.1; exit; }; exec /usr/bin/docker "$@"\n"""
    on_host("app1", f"printf %s {shlex.quote(old)} >/usr/local/bin/docker && chmod 755 /usr/local/bin/docker")
    try:
        result = lab("deploy", "--yes", "--set", "docker.install=false", "--set", "jawn.environment.LAB_MARK=old")
    finally:
        on_host("app1", "rm /usr/local/bin/docker")
    assert result.code == 2, result.text
    assert "app1: preflight: Docker Compose 2.0.1 is older than docker.minimum_compose" in result.text
    assert (settled(), all_containers()) == (before, running)
    injected(times=1)


@pytest.mark.fault("F10")
def test_a_release_that_was_damaged_on_the_disk_is_not_gone_back_to(injected):
    older = settled()
    result = lab("deploy", "--yes", "--set", "jawn.environment.LAB_MARK=newer")
    assert result.code == 0, result.text
    before, running = settled(), all_containers()
    file = f"/opt/helicone/lab/releases/{older['app1']}/compose.override.yml"
    on_host("app1", f"cp -p {file} /tmp/kept && echo '# x' >>{file}")
    try:
        result = lab("rollback", "--yes")
    finally:
        on_host("app1", f"cp -p /tmp/kept {file}; rm /tmp/kept")
    assert result.code == 5, result.text
    assert "compose.override.yml" in result.text
    assert (settled(), all_containers()) == (before, running)
    again = lab("rollback", "--yes", "--to", older["app1"])
    assert again.code == 2, again.text
    assert "failed" in again.text
    assert (settled(), all_containers()) == (before, running)
    injected(times=1)
