"""Faults of the line and of the controller that are injected on purpose. See docs/reliability.md.

FAULT_KILLS, FAULT_ROUNDS and FAULT_CUTS say how often what depends on the moment is tried; `make faults` sets them.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from gateway.agent.store import release_number
from tests.lab.command import ADDRESSES, ROOT, Result, complaints, lab, on_host
from tests.lab.deploying import deploying, ended, settled, wait_for_line
from tests.lab.relay import Line, relay

pytestmark = pytest.mark.usefixtures("as_found_in_the_end")
KILLS = int(os.environ.get("FAULT_KILLS", "2"))
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "2"))
CUTS = int(os.environ.get("FAULT_CUTS", "0"))
HOSTILE = "a 'b' \"c\" \\d $e ${F} #g\n\té中😀 %h"
DAY = 86_400
NEAR = "127.0.0.87"  # an address of this machine that nothing else listens on


def a_day_off(days: int, *words: str) -> subprocess.Popen[str]:
    """Start a deploy to the lab by a controller whose clock is so many days fast."""
    command = [sys.executable, "-m", "lab.shifted", str(days * DAY), "deploy", "--env", "lab", "--yes", *words]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


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
    # Any byte will do, but for the last: the order to switch may have been on its way when they were counted.
    shares = [random.uniform(0, 0.95) for _ in range(CUTS)]  # noqa: S311 - no secret
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


@pytest.mark.fault("F11")
@pytest.mark.long
def test_a_controllers_clock_a_day_off_is_named_and_changes_neither_the_order_nor_the_lease(injected):
    mark = ("--set", "jawn.environment.LAB_MARK=a-day-off")
    before = settled()
    for days in (1, -1):
        refused = a_day_off(days, *mark)
        _, err = refused.communicate(timeout=300)
        assert refused.returncode == 2, err
        assert "s off the controller's, preflight.clock_skew_seconds allows" in err
        assert settled() == before
    # A day ahead it would go back again: the edge's own certificates, which last for half a day, look expired then.
    process = a_day_off(-1, *mark, "--set", f"preflight.clock_skew_seconds={DAY + 60}")
    wait_for_line(process, "app1", "switch to")
    second = lab("deploy", "--yes", "--set", "jawn.environment.LAB_MARK=second")
    out, err = process.communicate(timeout=300)
    assert second.code == 4, second.text
    assert process.returncode == 0, out + err
    after = settled()
    assert all(release_number(after[host]) > release_number(before[host]) for host in after), (before, after)
    assert lab("rollback", "--yes", "--to", str(release_number(before["app1"]))).code == 0
    assert settled() == before
    injected(times=3)
